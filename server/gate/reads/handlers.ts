import type { ServerResponse } from 'node:http';
import { notFound, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import { bulkGetResponse, bulkGetBody, bulkGetResults, countDocuments, parseBulkGet, type OwnRow } from './bulk-get.ts';
import { requestUpstream, readCurrentState, type GateContext } from '../context.ts';
import { databaseInfo } from './database-info.ts';
import { documentResponse, documentBodies, parseDocumentQuery } from './document.ts';
import { requestInChunks } from './chunked-request.ts';
import { isObject, getString } from '../../lib/json.ts';
import type { Merged } from '../../registry/merged-revisions.ts';
import { acceptsMultipart, sendMultipart } from './multipart.ts';
import type { Query } from '../request/query.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';
import { parseRevsDiff, revsDiffBody, revsDiffResponse, type RevsDiffRequest } from './revs-diff.ts';

/** `GET ./` */
export async function handleInfo(
  context: GateContext,
  caller: Caller,
  database: string,
  res: ServerResponse,
): Promise<void> {
  sendJson(res, 200, databaseInfo(database, await readCurrentState(context, caller)));
}

/** `GET <id>`. Any document but the caller's own is 404, whether it exists or not, without an upstream request. */
export async function handleGet(
  context: GateContext,
  caller: Caller,
  { id, query, accept }: { readonly id: string; readonly query: Query; readonly accept: string | undefined },
  res: ServerResponse,
): Promise<void> {
  if (id !== caller.ownId) throw notFound();
  const upstreamQuery = parseDocumentQuery(query);
  const request = { method: 'GET', path: [caller.ownId], query: upstreamQuery } as const;
  let upstream = await requestUpstream(context, caller, res, request);
  if (upstream.status === 404 && getString(upstream.body, 'reason') === 'missing') {
    await context.provision(caller.username);
    upstream = await requestUpstream(context, caller, res, request);
  }
  const result = documentResponse(upstream, caller.ownId);
  checkDocuments(context, caller, documentBodies(result));
  if (Array.isArray(result) && acceptsMultipart(accept)) {
    sendMultipart(res, result);
    return;
  }
  const rev = isObject(result) ? getString(result, '_rev') : undefined;
  if (rev !== undefined) res.setHeader('ETag', `"${rev}"`);
  sendJson(res, 200, result);
}

/** `POST _bulk_get?revs=true&latest=true` */
export async function handleBulkGet(
  context: GateContext,
  caller: Caller,
  query: Query,
  body: unknown,
  res: ServerResponse,
): Promise<void> {
  const rows = parseBulkGet(body, caller.ownId);
  const flags = ['revs', 'latest'].filter((flag) => query.flag(flag));
  const upstreamQuery = Object.fromEntries(flags.map((flag) => [flag, 'true']));
  const own = rows.filter((row) => row.kind === 'own');
  const requestChunk = async (chunk: readonly OwnRow[]): Promise<readonly unknown[]> => {
    const request = { method: 'POST', path: ['_bulk_get'], query: upstreamQuery, body: bulkGetBody(chunk) } as const;
    const upstream = await requestUpstream(context, caller, res, request);
    if (upstream.status !== 200) throw unexpectedResponse('The database did not respond to _bulk_get', upstream);
    return bulkGetResults(upstream.body, chunk.length);
  };
  const response = bulkGetResponse(rows, caller.ownId, await requestInChunks(own, requestChunk, countDocuments));
  checkDocuments(
    context,
    caller,
    response.results.flatMap(({ docs }) => docs.map(({ ok }) => ok)),
  );
  sendJson(res, 200, response);
}

/** Checks the documents of a response before it is sent. Throws 403 when one must not be served. */
function checkDocuments(
  { secrets, wellFormed, repairDocument }: GateContext,
  caller: Caller,
  bodies: readonly unknown[],
): void {
  secrets.check(bodies, caller);
  // A malformed document is served unchanged; the repaired one follows through the feed.
  if (!bodies.every((body) => wellFormed.has(body))) void repairDocument(caller.username);
}

/** `POST _revs_diff` */
export async function handleRevsDiff(
  context: GateContext,
  caller: Caller,
  body: unknown,
  res: ServerResponse,
): Promise<void> {
  const request = parseRevsDiff(body, caller.ownId);
  if (request.own.length === 0) {
    sendJson(res, 200, revsDiffResponse(request, caller.ownId, undefined));
    return;
  }
  const merged = await readMerged(context, caller, request);
  const upstream = await requestUpstream(context, caller, res, {
    method: 'POST',
    path: ['_revs_diff'],
    body: revsDiffBody(request, caller.ownId, merged),
  });
  if (upstream.status !== 200) throw unexpectedResponse('The database did not respond to _revs_diff', upstream);
  sendJson(res, 200, revsDiffResponse(request, caller.ownId, upstream.body, merged));
}

/**
 * Resolves with the merged revisions that may be among the requested ones. A device with one leaf has either never sent it, or not yet
 * pulled the merge: sending it again changes nothing, and costs less than a read before every push of every device.
 */
async function readMerged(
  { mergedRevisions }: GateContext,
  { username }: Caller,
  { own }: RevsDiffRequest,
): Promise<Merged | undefined> {
  const merged = own.length > 1 ? await mergedRevisions.read(username).catch(() => undefined) : undefined;
  const named = new Set(own);
  return merged?.revisions.some((revision) => named.has(revision)) ? merged : undefined;
}

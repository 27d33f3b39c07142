import type { ServerResponse } from 'node:http';
import type { Revision } from '../../../couchdb-design/user-document/revisions.ts';
import { notFound, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import { bulkGetResponse, bulkGetBody, bulkGetResults, countDocuments, parseBulkGet, type OwnRow } from './bulk-get.ts';
import { requestUpstream, readCurrentState, runTurn, type GateContext } from '../context.ts';
import { databaseInfo } from './database-info.ts';
import { documentResponse, documentBodies, parseDocumentQuery } from './document.ts';
import { requestInChunks } from './chunked-request.ts';
import { isObject, getString } from '../../lib/json.ts';
import { acceptsMultipart, sendMultipart } from './multipart.ts';
import type { Query } from '../request/query.ts';
import { refreshMerged } from '../../registry/merged-revisions.ts';
import type { UpstreamResponse } from '../../upstream/forward.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';
import { NO_REVISIONS, type RevisionReader } from '../stored-revisions.ts';
import {
  diffRevisions,
  NOTHING_MISSING,
  parseRevsDiff,
  revsDiffResponse,
  type OwnDiff,
  type RevsDiffRequest,
} from './revs-diff.ts';

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
  await runTurn(context, caller, () => respondWithDocument(context, caller, { upstream, accept }, res));
}

/** Checks and sends a document, or its leaves. */
function respondWithDocument(
  context: GateContext,
  caller: Caller,
  { upstream, accept }: { readonly upstream: UpstreamResponse; readonly accept: string | undefined },
  res: ServerResponse,
): void {
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
  const results = await requestInChunks(own, requestChunk, countDocuments);
  await runTurn(context, caller, () => {
    const response = bulkGetResponse(rows, caller.ownId, results);
    checkDocuments(
      context,
      caller,
      response.results.flatMap(({ docs }) => docs.map(({ ok }) => ok)),
    );
    sendJson(res, 200, response);
  });
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

/** `POST _revs_diff`. It is answered from the stored revisions, which are read: the client's are not sent to the database. */
export async function handleRevsDiff(
  context: GateContext,
  caller: Caller,
  { reader, body }: { readonly reader: RevisionReader; readonly body: unknown },
  res: ServerResponse,
): Promise<void> {
  const request = parseRevsDiff(body, caller.ownId);
  const diff = request.own.length === 0 ? NOTHING_MISSING : await diffOwn(context, caller, { reader, request }, res);
  await runTurn(context, caller, () => sendJson(res, 200, revsDiffResponse(request, caller.ownId, diff)));
}

async function diffOwn(
  context: GateContext,
  caller: Caller,
  { reader, request: { own } }: { readonly reader: RevisionReader; readonly request: RevsDiffRequest },
  res: ServerResponse,
): Promise<OwnDiff> {
  const leaves = await readLikelyLeaves(context, caller, own);
  const known = new Set(leaves);
  if (own.every((rev) => known.has(rev))) return NOTHING_MISSING;
  const stored = leaves?.length === 0 ? NO_REVISIONS : await reader.read(context, caller, res, leaves);
  const diff = await runTurn(context, caller, () => diffRevisions(own, stored, undefined));
  // A device with one leaf has either never sent it, or not yet pulled the merge: sending it again changes nothing, and costs less
  // than a read before every push of every device.
  if (diff.missing.length === 0 || own.length === 1) return diff;
  const merged = await context.mergedRevisions.read(caller.username).catch(() => undefined);
  // Without it, the device sends revisions again that change nothing.
  if (merged !== undefined && refreshMerged(merged, own) !== merged)
    await context.mergedRevisions.refresh(caller.username, own).catch(() => undefined);
  return runTurn(context, caller, () => diffRevisions(own, stored, merged));
}

/**
 * Reads the leaves, in one request with other users' reads: all that a device which starts needs, if it is up to date. Resolves with
 * undefined if the feed has shown that a revision is new, because then all revisions must be read.
 */
async function readLikelyLeaves(
  { hub, leaves }: GateContext,
  { ownId }: Caller,
  own: readonly Revision[],
): Promise<readonly string[] | undefined> {
  const reported = hub.cachedState(ownId);
  const known = new Set(reported?.leaves);
  if (reported !== undefined && own.some((rev) => !known.has(rev))) return undefined;
  return (await leaves.read(ownId)).leaves;
}

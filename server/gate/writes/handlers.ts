import type { ServerResponse } from 'node:http';
import { opaqueTagOf } from '../../http/entity-tag.ts';
import { badRequest, conflict, forbidden, sendJson } from '../../http/errors.ts';
import { requestContext } from '../../http/request-context.ts';
import type { Caller } from '../../http/caller.ts';
import { bulkDocsResponse, type BulkDocsRequest } from './bulk-docs.ts';
import { requestUpstream, type GateContext } from '../context.ts';
import { countRejections } from './rejection-counts.ts';
import { isObject, getString, type JsonObject } from '../../lib/json.ts';
import type { Query } from '../request/query.ts';
import { parseTree, type RevisionTree } from './revision-tree.ts';
import { decideWrites, type Verdict } from './write-policy.ts';
import { parseRows } from './parse-row.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';

/**
 * The only way in which the gate stores a user's revisions. Every row is parsed and checked against the current revision
 * tree, and only accepted rows are sent: CouchDB silently drops a valid revision whose child in the same batch it refuses.
 * Resolves with a row for each refused row, and with `newEdits` also for each stored one, in order.
 */
async function storeRows(
  context: GateContext,
  caller: Caller,
  res: ServerResponse,
  request: BulkDocsRequest,
): Promise<readonly JsonObject[]> {
  const { rows, newEdits } = request;
  const rules = { ownId: caller.ownId, readDocument: context.readDocument, schema: context.schema };
  const parsed = parseRows(rows, newEdits, rules);
  const buildResponse = (verdicts: readonly Verdict[], upstream: unknown): readonly JsonObject[] => {
    const responseRows = bulkDocsResponse(verdicts, newEdits, upstream);
    requestContext(res).rejections = countRejections(caller.ownId, parsed, verdicts, responseRows);
    return responseRows;
  };
  if (parsed.every((row) => row.kind === 'refusal')) return buildResponse(parsed, undefined);

  return context.writeQueue.run(caller.ownId, async () => {
    // Access was checked before the body's first byte. A slow body or the queue may have delayed the write since then.
    await context.checkAccess(caller);
    const verdicts = decideWrites(parsed, await readCurrentTree(context, caller, res), newEdits);
    const docs = verdicts.flatMap((verdict) => (verdict.kind === 'write' ? [verdict.document] : []));
    if (docs.length === 0) return buildResponse(verdicts, undefined);
    const body = newEdits ? { docs } : { docs, new_edits: false };
    const upstream = await requestUpstream(context, caller, res, { method: 'POST', path: ['_bulk_docs'], body });
    if (upstream.status !== 201 && upstream.status !== 202)
      throw unexpectedResponse('The database did not store the batch', upstream);
    return buildResponse(verdicts, upstream.body);
  });
}

async function readCurrentTree(context: GateContext, caller: Caller, res: ServerResponse): Promise<RevisionTree> {
  const query = { open_revs: 'all', revs: 'true' };
  const response = await requestUpstream(context, caller, res, { method: 'GET', path: [caller.ownId], query });
  if (response.status === 404) return [];
  if (response.status !== 200) throw unexpectedResponse("The database did not return the document's leaves", response);
  return parseTree(response.body);
}

/** `POST _bulk_docs`. */
export async function handleBulkDocs(
  context: GateContext,
  caller: Caller,
  request: BulkDocsRequest,
  res: ServerResponse,
): Promise<void> {
  sendJson(res, 201, await storeRows(context, caller, res, request));
}

/**
 * `PUT user_<own>`: like one row of `_bulk_docs`, with statuses in place of rows. The revision may be in the body, in
 * `rev`, or in `If-Match`. https://docs.couchdb.org/en/stable/api/document/common.html#put--db-docid
 */
export async function handlePut(
  context: GateContext,
  caller: Caller,
  target: { readonly id: string; readonly query: Query; readonly ifMatch: string | undefined; readonly body: unknown },
  res: ServerResponse,
): Promise<void> {
  const { id, query, ifMatch, body } = target;
  if (!isObject(body)) throw badRequest('Document must be a JSON object');
  // CouchDB also accepts a revision without quotation marks.
  const rev = query.text('rev') ?? (ifMatch === undefined ? undefined : (opaqueTagOf(ifMatch) ?? ifMatch));
  if (rev !== undefined && Object.hasOwn(body, '_rev') && body['_rev'] !== rev) {
    throw badRequest('Document rev from request body and query string have different values');
  }
  if (Object.hasOwn(body, '_id') && body['_id'] !== id) throw badRequest('Document ID must match the path.');
  const newEdits = query.text('new_edits') !== 'false';
  const row = { ...body, _id: id, ...(rev === undefined ? {} : { _rev: rev }) };
  const [result] = await storeRows(context, caller, res, { rows: [row], newEdits });
  const error = getString(result, 'error');
  if (error === 'conflict') throw conflict();
  if (error !== undefined) throw forbidden(getString(result, 'reason') ?? 'The document was refused.');
  const storedRev = getString(result, 'rev') ?? getString(row, '_rev');
  sendJson(res, 201, { ok: true, id, rev: storedRev });
}

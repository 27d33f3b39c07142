import type { ServerResponse } from 'node:http';
import { opaqueTagOf } from '../../http/entity-tag.ts';
import { badRequest, conflict, forbidden, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import { isObject, getString } from '../../lib/json.ts';
import type { GateContext } from '../context.ts';
import type { Query } from '../request/query.ts';
import type { BulkDocsRequest } from './bulk-docs.ts';
import { storeRows } from './store-rows.ts';

/** `POST _bulk_docs`. */
export async function handleBulkDocs(
  context: GateContext,
  caller: Caller,
  request: BulkDocsRequest,
  res: ServerResponse,
): Promise<void> {
  sendJson(res, 201, await storeRows({ context, caller, res }, request));
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
  const [result] = await storeRows({ context, caller, res }, { rows: [row], newEdits });
  const error = getString(result, 'error');
  if (error === 'conflict') throw conflict();
  if (error !== undefined) throw forbidden(getString(result, 'reason') ?? 'The document was refused.');
  const storedRev = getString(result, 'rev') ?? getString(row, '_rev');
  sendJson(res, 201, { ok: true, id, rev: storedRev });
}

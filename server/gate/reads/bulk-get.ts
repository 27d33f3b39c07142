import { isRevision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, badRequest } from '../../http/errors.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';

/** One requested row: the caller's own document, which is read upstream, or any other, which is always missing. */
export type BulkGetRow =
  | { readonly kind: 'own'; readonly id: UserDocumentId; readonly rev: string | undefined }
  | { readonly kind: 'missing'; readonly id: string; readonly rev: string };

/** A replication requests at most one row per leaf, so more rows are never legitimate. */
const MAX_OWN_ROWS = 200;

/**
 * `POST _bulk_get`: `{docs: [{id, rev?}]}`. Throws 400 where CouchDB does.
 * https://docs.couchdb.org/en/stable/api/database/bulk-api.html#post--db-_bulk_get
 */
export function parseBulkGet(body: unknown, ownId: UserDocumentId): readonly BulkGetRow[] {
  const docs = getProperty(body, 'docs');
  if (!Array.isArray(docs)) throw badRequest("Missing JSON list of 'docs'.");
  let ownCount = 0;
  return docs.map((row: unknown): BulkGetRow => {
    const [id, rev] = [getString(row, 'id'), getString(row, 'rev')];
    if (id === undefined) throw badRequest('document id missed');
    // An invalid revision cannot exist. CouchDB would answer 400 to the whole request.
    const isReadable = rev === undefined || isRevision(rev);
    if (id !== ownId || !isReadable || ownCount >= MAX_OWN_ROWS)
      return { kind: 'missing', id, rev: rev ?? 'undefined' };
    ownCount += 1;
    return { kind: 'own', id: ownId, rev };
  });
}

export type OwnRow = Extract<BulkGetRow, { kind: 'own' }>;

export const bulkGetBody = (rows: readonly OwnRow[]): JsonObject => ({
  docs: rows.map(({ id, rev }) => (rev === undefined ? { id } : { id, rev })),
});

/** Returns the results of an upstream response. Throws 502 unless there is one for each row sent. */
export function bulkGetResults(upstream: unknown, expectedCount: number): readonly unknown[] {
  const results = getProperty(upstream, 'results');
  if (!Array.isArray(results) || results.length !== expectedCount) {
    throw badGateway('The database returned a wrong number of results.');
  }
  return results;
}

/** Counts the documents in a result. */
export function countDocuments(result: unknown): number {
  const docs = getProperty(result, 'docs');
  return Array.isArray(docs) ? docs.length : 0;
}

interface BulkGetResult {
  readonly id: string;
  readonly docs: readonly { readonly ok?: JsonObject; readonly error?: JsonObject }[];
}

const missingRow = (id: string, rev: string): BulkGetResult => ({
  id,
  docs: [{ error: { id, rev, error: 'not_found', reason: 'missing' } }],
});

/** Builds one result for each row in order, own ones from `results`. Throws 502 for a result that is not the caller's. */
export function bulkGetResponse(
  rows: readonly BulkGetRow[],
  ownId: UserDocumentId,
  results: readonly unknown[],
): { readonly results: readonly BulkGetResult[] } {
  const remaining = results.values();
  return {
    results: rows.map((row) =>
      row.kind === 'missing' ? missingRow(row.id, row.rev) : parseResult(remaining.next().value, ownId),
    ),
  };
}

/** Checks the id, so that an upstream that mixes up two requests never exposes another user's document. */
function parseResult(result: unknown, ownId: UserDocumentId): BulkGetResult {
  const docs = getProperty(result, 'docs');
  if (getString(result, 'id') !== ownId || !Array.isArray(docs))
    throw badGateway('The database returned another document.');
  return { id: ownId, docs: docs.map((doc: unknown) => parseDoc(doc, ownId)) };
}

function parseDoc(doc: unknown, ownId: UserDocumentId): BulkGetResult['docs'][number] {
  const ok = getProperty(doc, 'ok');
  if (isObject(ok) && ok['_id'] === ownId) return { ok };
  const error = getProperty(doc, 'error');
  if (error === undefined) throw badGateway('The database returned another document.');
  return {
    error: { id: ownId, rev: getString(error, 'rev') ?? 'undefined', error: 'not_found', reason: 'missing' },
  };
}

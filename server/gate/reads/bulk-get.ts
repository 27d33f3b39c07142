import { isRevision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, badRequest } from '../../http/errors.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';

/** One row asked for: the caller's own, which goes upstream, or any other, which is missing whatever it is. */
export type BulkGetRow =
  | { readonly kind: 'own'; readonly id: UserDocumentId; readonly rev: string | undefined }
  | { readonly kind: 'missing'; readonly id: string; readonly rev: string };

/** More rows than a document has leaves are nobody's replication. */
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
    // What is no revision cannot be there; CouchDB would answer 400 to the whole.
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

/** The results in an upstream's answer. Throws 502 when they are not as many as the rows that were sent. */
export function bulkGetResults(upstream: unknown, expectedCount: number): readonly unknown[] {
  const results = getProperty(upstream, 'results');
  if (!Array.isArray(results) || results.length !== expectedCount) {
    throw badGateway("The database's answer has another number of results.");
  }
  return results;
}

/** How many documents a result holds. */
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

/** One result for each row, in order, the own ones from `results`. Throws 502 for a result that is not the caller's. */
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

/** An upstream that mixed two requests up must not hand one user's document to another. */
function parseResult(result: unknown, ownId: UserDocumentId): BulkGetResult {
  const docs = getProperty(result, 'docs');
  if (getString(result, 'id') !== ownId || !Array.isArray(docs))
    throw badGateway("The database's answer was not ours.");
  return { id: ownId, docs: docs.map((doc: unknown) => parseDoc(doc, ownId)) };
}

function parseDoc(doc: unknown, ownId: UserDocumentId): BulkGetResult['docs'][number] {
  const ok = getProperty(doc, 'ok');
  if (isObject(ok) && ok['_id'] === ownId) return { ok };
  const error = getProperty(doc, 'error');
  if (error === undefined) throw badGateway("The database's answer was not ours.");
  return {
    error: { id: ownId, rev: getString(error, 'rev') ?? 'undefined', error: 'not_found', reason: 'missing' },
  };
}

import { generationOf } from '../../../couchdb-design/user-document/revision-order.ts';
import { compareRevisions, isRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { Merged } from '../../registry/merged-revisions.ts';
import { badRequest } from '../../http/errors.ts';
import { isObject, isStringArray, type JsonObject } from '../../lib/json.ts';
import type { StoredRevisions } from '../stored-revisions.ts';

/**
 * `POST _revs_diff`: which of these revisions are missing.
 * https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-diff
 */
export interface RevsDiffRequest {
  /** Revisions of the own document, which are compared with the stored ones. */
  readonly own: readonly Revision[];
  /** Always missing: other documents, and invalid revisions. */
  readonly missing: Readonly<Record<string, readonly string[]>>;
}

/** Throws 400 where CouchDB does: for a body that is not an object of lists. */
export function parseRevsDiff(body: unknown, ownId: UserDocumentId): RevsDiffRequest {
  if (!isObject(body)) throw badRequest('Request body must be a JSON object');
  const rows = Object.entries(body);
  if (!rows.every((row): row is [string, readonly string[]] => isStringArray(row[1]))) {
    throw badRequest('Request body must hold a list of revisions for each document.');
  }
  const own = rows.find(([id]) => id === ownId)?.[1] ?? [];
  const invalid = own.filter((rev) => !isRevision(rev));
  const others = rows.filter(([id, revs]) => id !== ownId && revs.length > 0);
  return {
    own: own.filter(isRevision),
    missing: Object.fromEntries(invalid.length > 0 ? [...others, [ownId, invalid]] : others),
  };
}

/** What is missing of the own document. */
export interface OwnDiff {
  readonly missing: readonly Revision[];
  /** The leaves below the newest missing revision, the winner first. */
  readonly ancestors: readonly Revision[];
}

export const NOTHING_MISSING: OwnDiff = { missing: [], ancestors: [] };

/**
 * Compares revisions with the stored ones, as CouchDB does (`possible_ancestors` in couch_db.erl), in linear time.
 *
 * @param merged Revisions that were merged into the document. They are not missing while the document has the revision that contains
 * them.
 */
export function diffRevisions(own: readonly Revision[], stored: StoredRevisions, merged: Merged | undefined): OwnDiff {
  const contained = new Set(merged !== undefined && stored.has(merged.into) ? merged.revisions : []);
  const missing = own.filter((rev) => !stored.has(rev) && !contained.has(rev));
  const highest = missing.reduce((max, rev) => Math.max(max, generationOf(rev)), 0);
  const ancestors = stored
    .leaves()
    .filter(({ rev }) => generationOf(rev) < highest)
    .toSorted((a, b) => Number(a.content.isDeleted) - Number(b.content.isDeleted) || compareRevisions(b.rev, a.rev))
    .map(({ rev }) => rev);
  return { missing, ancestors };
}

/** Builds the response. */
export function revsDiffResponse(
  request: RevsDiffRequest,
  ownId: UserDocumentId,
  { missing, ancestors }: OwnDiff,
): JsonObject {
  const all = [...missing, ...(request.missing[ownId] ?? [])];
  const own = { missing: all, ...(ancestors.length === 0 ? {} : { possible_ancestors: ancestors }) };
  return Object.fromEntries([
    ...Object.entries(request.missing).flatMap(([id, revs]) =>
      id === ownId ? [] : [[id, { missing: revs }] as const],
    ),
    ...(all.length === 0 ? [] : [[ownId, own] as const]),
  ]);
}

import { isRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { Merged } from '../../registry/merged-revisions.ts';
import { badGateway, badRequest } from '../../http/errors.ts';
import { isObject, isStringArray, getProperty, type JsonObject } from '../../lib/json.ts';

/**
 * `POST _revs_diff`: which of these revisions are missing.
 * https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-diff
 */
export interface RevsDiffRequest {
  /** Revisions of the own document, which the upstream checks; empty when no upstream request is needed. */
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

/** The body of the upstream request, which also names the revision that contains the merged ones. */
export const revsDiffBody = (
  request: RevsDiffRequest,
  ownId: UserDocumentId,
  merged: Merged | undefined,
): JsonObject => ({
  [ownId]: merged === undefined ? request.own : [...request.own, merged.into],
});

/**
 * `upstream` is the response to `revsDiffBody`; undefined when no upstream request was made. Revisions that were merged into the
 * document are not missing while the document has the revision that contains them.
 */
export function revsDiffResponse(
  request: RevsDiffRequest,
  ownId: UserDocumentId,
  upstream: unknown,
  merged?: Merged,
): JsonObject {
  const response = new Map<string, JsonObject>();
  for (const [id, missing] of Object.entries(request.missing)) response.set(id, { missing });
  const upstreamDiff = getProperty(upstream, ownId);
  if (upstreamDiff !== undefined) {
    const [missing, ancestors] = [
      getProperty(upstreamDiff, 'missing'),
      getProperty(upstreamDiff, 'possible_ancestors'),
    ];
    // An empty response means that nothing is pushed, so an invalid one must not pass for it.
    if (!isStringArray(missing)) throw badGateway('The database returned an invalid response to _revs_diff.');
    const all = [...withoutMerged(missing, request.own, merged), ...(request.missing[ownId] ?? [])];
    if (all.length > 0)
      response.set(ownId, { missing: all, ...(isStringArray(ancestors) ? { possible_ancestors: ancestors } : {}) });
  } else if (upstream !== undefined && !isObject(upstream)) {
    throw badGateway('The database returned an invalid response to _revs_diff.');
  }
  return Object.fromEntries(response);
}

function withoutMerged(
  missing: readonly string[],
  own: readonly Revision[],
  merged: Merged | undefined,
): readonly string[] {
  if (merged === undefined) return missing;
  const contained = new Set(missing.includes(merged.into) ? [] : merged.revisions);
  const named = new Set(own);
  return missing.filter((rev) => named.has(rev) && !contained.has(rev));
}

import { isRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
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

/** `upstream` is the response body for `{[ownId]: own}`; undefined when no upstream request was made. */
export function revsDiffResponse(request: RevsDiffRequest, ownId: UserDocumentId, upstream: unknown): JsonObject {
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
    response.set(ownId, {
      missing: [...missing, ...(request.missing[ownId] ?? [])],
      ...(isStringArray(ancestors) ? { possible_ancestors: ancestors } : {}),
    });
  } else if (upstream !== undefined && !isObject(upstream)) {
    throw badGateway('The database returned an invalid response to _revs_diff.');
  }
  return Object.fromEntries(response);
}

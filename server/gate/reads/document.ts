import { isRevision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, badRequest, HttpError, notFound } from '../../http/errors.ts';
import { isObject, isStringArray, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import type { UpstreamResponse } from '../../upstream/forward.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';
import type { Query } from '../request/query.ts';

/** Supported options of `GET document`; all others are ignored. */
const FLAGS = ['revs', 'latest', 'conflicts', 'revs_info'];

/**
 * Builds the upstream query for `GET user_<own>`. Throws 400 where CouchDB does.
 * https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid
 */
export function parseDocumentQuery(query: Query): Readonly<Record<string, string>> {
  const upstreamQuery = Object.fromEntries(FLAGS.filter((flag) => query.flag(flag)).map((flag) => [flag, 'true']));
  const [rev, openRevs] = [query.text('rev'), query.text('open_revs')];
  if (rev !== undefined) upstreamQuery['rev'] = requireRevision(rev);
  if (openRevs !== undefined)
    upstreamQuery['open_revs'] = openRevs === 'all' ? openRevs : JSON.stringify(parseOpenRevs(openRevs));
  return upstreamQuery;
}

function requireRevision(text: string): string {
  if (!isRevision(text)) throw badRequest('Invalid rev format');
  return text;
}

function parseOpenRevs(text: string): readonly string[] {
  let revs: unknown;
  try {
    revs = JSON.parse(text);
  } catch {
    throw badRequest('invalid UTF-8 JSON');
  }
  if (!isStringArray(revs)) throw badRequest('open_revs is `all` or a list of revisions.');
  return revs.map(requireRevision);
}

/** Validates an upstream response. Returns the own document or its leaves. Throws 404, or 502 for anything else. */
export function documentResponse(
  response: UpstreamResponse,
  ownId: UserDocumentId,
): JsonObject | readonly JsonObject[] {
  const { status, body } = response;
  if (status === 404) throw isDeleted(body) ? new HttpError(404, 'not_found', 'deleted') : notFound();
  if (status === 200 && Array.isArray(body)) return body.map((leaf: unknown) => leafResponse(leaf, ownId));
  if (status === 200 && isObject(body) && body['_id'] === ownId) return body;
  throw unexpectedResponse('The database did not return the document', response);
}

/** Returns the documents in such a response: itself, or the body of each leaf. */
export const documentBodies = (response: JsonObject | readonly JsonObject[]): readonly unknown[] =>
  isObject(response) ? [response] : response.map((leaf) => getProperty(leaf, 'ok'));

const isDeleted = (body: unknown): boolean => getString(body, 'reason') === 'deleted';

function leafResponse(leaf: unknown, ownId: UserDocumentId): JsonObject {
  const ok = getProperty(leaf, 'ok');
  if (isObject(ok) && ok['_id'] === ownId) return { ok };
  const rev = getString(leaf, 'missing');
  if (rev === undefined) throw badGateway('The database returned another document.');
  return { missing: rev };
}

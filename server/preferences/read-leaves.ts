import type { ServerScope } from 'nano';
import { merge } from '../../couchdb-design/user-document/merge.ts';
import { compareRevisions, type Revision } from '../../couchdb-design/user-document/revisions.ts';
import type {
  UserDocument,
  UserDocumentId,
  UserDocumentReader,
  Values,
} from '../../couchdb-design/user-document/user-document.ts';
import { badGateway, HttpError } from '../http/errors.ts';
import { isObject, getProperty, getString, type JsonObject } from '../lib/json.ts';
import { statusOf } from '../upstream/client.ts';
import { NO_DOCUMENT, type LeafState } from '../registry/leaf-state.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';

/** A leaf as it is stored. */
export interface StoredLeaf {
  readonly rev: Revision;
  readonly body: JsonObject;
}

/** The leaves of a user document as they are stored. */
export interface StoredLeaves {
  /** The leaves that are not deleted, the winner first. Empty when the document does not exist. */
  readonly live: readonly StoredLeaf[];
  /** All leaves, as `_changes` lists them. */
  readonly state: LeafState;
}

/** Reads all leaves with their bodies. Rejects with 502 or 503 when the upstream fails. */
export async function readStoredLeaves(
  couch: ServerScope,
  registry: string,
  id: UserDocumentId,
): Promise<StoredLeaves> {
  const response: unknown = await couch
    .request({ db: registry, path: encodeURIComponent(id), qs: { open_revs: 'all' } })
    .catch((error: unknown) => {
      if (statusOf(error) === 404) return [];
      throw toUpstreamError(error);
    });
  if (!Array.isArray(response)) throw badGateway("The database's response was not a list of leaves.");
  const leaves = response.map((row: unknown) => {
    const body = getProperty(row, 'ok');
    const rev = getString(body, '_rev');
    if (!isObject(body) || rev === undefined || body['_id'] !== id)
      throw badGateway("The database's response contained an unreadable leaf.");
    return { rev, body };
  });
  if (leaves.length === 0) return { live: [], state: NO_DOCUMENT };
  const newestFirst = leaves.toSorted((a, b) => compareRevisions(b.rev, a.rev));
  const live = newestFirst.filter(({ body }) => body['_deleted'] !== true);
  return { live, state: { leaves: newestFirst.map(({ rev }) => rev), deleted: live.length === 0 } };
}

/** A leaf, read as a document of the current version. */
export interface ParsedLeaf {
  readonly rev: Revision;
  /** With all stored preferences, valid or not. */
  readonly document: UserDocument<Values>;
}

/** Throws 409 for a document that this version cannot read. Writing over it would lose its content. */
export function parseLeaf({ rev, body }: StoredLeaf, readDocument: UserDocumentReader): ParsedLeaf {
  const result = readDocument(body);
  if (!result.ok) throw new HttpError(409, 'unreadable_document', result.reason);
  return { rev, document: result.document };
}

/** Merges all leaves into one document. */
export const mergeLeaves = (leaves: readonly [ParsedLeaf, ...ParsedLeaf[]]): UserDocument<Values> => {
  const [first, ...others] = leaves;
  return merge([first.document, ...others.map(({ document }) => document)]);
};

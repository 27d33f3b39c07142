import type { ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { UserDocumentId } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import { badGateway } from '../http/errors.ts';
import { getProperty, getString, isObject, type JsonObject } from '../lib/json.ts';
import { unexpectedResponse } from '../upstream/upstream-error.ts';
import { requestUpstream, type GateContext } from './context.ts';
import { RevisionTree, storedPath } from './revision-tree.ts';

/** The revisions of a document, and which leaves are deleted. */
export type StoredRevisions = RevisionTree<{ readonly isDeleted: boolean }>;

export const NO_REVISIONS: StoredRevisions = RevisionTree.of();

/** Reads the leaves of the caller's document with their paths; none when it does not exist. */
export async function readLeaves(context: GateContext, caller: Caller, res: ServerResponse): Promise<unknown> {
  const query = { open_revs: 'all', revs: 'true' };
  const response = await requestUpstream(context, caller, res, { method: 'GET', path: [caller.ownId], query });
  if (response.status === 404) return [];
  if (response.status !== 200) throw unexpectedResponse("The database did not return the document's leaves", response);
  return response.body;
}

/** Parses the response to `GET document?open_revs=all&revs=true`. Throws 502 for an invalid leaf. */
export function parseLeaves<C>(response: unknown, contentOf: (leaf: JsonObject) => C): RevisionTree<C> {
  if (!Array.isArray(response)) throw badGateway('The database did not return a list of leaves.');
  const tree = RevisionTree.of<C>();
  for (const row of response as readonly unknown[]) {
    const leaf = getProperty(row, 'ok');
    const rev = getString(leaf, '_rev');
    if (!isObject(leaf) || rev === undefined) throw badGateway('The database returned an invalid leaf.');
    tree.add(storedPath(rev, leaf['_revisions']), contentOf(leaf));
  }
  return tree;
}

const stateKey = (leaves: readonly string[]): string => leaves.toSorted().join(' ');

/** The revisions of all cached documents. Each takes some 150 bytes. */
const MAX_CACHED_REVISIONS = 100_000;

/**
 * Reads the revisions of documents. They are cached for a state of the leaves: a client that repeats a request in the same state costs
 * the database a read of the leaves only, which it has in common with other users' reads.
 */
export class RevisionReader {
  readonly #cache = new LRUCache<UserDocumentId, { readonly key: string; readonly revisions: StoredRevisions }>({
    maxSize: MAX_CACHED_REVISIONS,
    sizeCalculation: ({ revisions }) => revisions.size + 1,
  });

  /**
   * @param leaves The leaves that were just read; undefined to read all from the database.
   */
  async read(
    context: GateContext,
    caller: Caller,
    res: ServerResponse,
    leaves: readonly string[] | undefined,
  ): Promise<StoredRevisions> {
    const cached = this.#cache.get(caller.ownId);
    if (cached !== undefined && leaves !== undefined && cached.key === stateKey(leaves)) return cached.revisions;
    const response = await readLeaves(context, caller, res);
    const revisions = parseLeaves(response, (leaf) => ({ isDeleted: leaf['_deleted'] === true }));
    // In a cluster these leaves may be others than the ones that were read before.
    this.#cache.set(caller.ownId, { key: stateKey(revisions.leaves().map(({ rev }) => rev)), revisions });
    return revisions;
  }
}

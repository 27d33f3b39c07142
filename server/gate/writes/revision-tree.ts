import { isRevision, parseRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import { badGateway } from '../../http/errors.ts';
import { isObject, isStringArray, getProperty, getString } from '../../lib/json.ts';

/** A leaf and the way from it to its root, as far as the database still knows it. */
export interface Branch {
  readonly leaf: Revision;
  readonly deleted: boolean;
  /** The leaf itself first, then its parent, and so on. */
  readonly path: readonly Revision[];
}

/** A document's revision tree, told by its branches. Empty: there is no document. */
export type RevisionTree = readonly Branch[];

/** The revisions that `_revisions: {start, ids}` names, youngest first; undefined when it is not well-formed. */
export function parseRevisionPath(revisions: unknown): readonly Revision[] | undefined {
  const start = getProperty(revisions, 'start');
  const ids = getProperty(revisions, 'ids');
  if (typeof start !== 'number' || !Array.isArray(ids) || ids.length === 0 || ids.length > start) return undefined;
  if (!isStringArray(ids)) return undefined;
  const path = ids.map((id, index) => `${start - index}-${id}`);
  return path.every(isRevision) ? path : undefined;
}

/** Reads `GET document?open_revs=all&revs=true`. Throws 502 when a leaf of it cannot be read. */
export function parseTree(answer: unknown): RevisionTree {
  if (!Array.isArray(answer)) throw badGateway("The database's answer was not a list of leaves.");
  return answer.map((row: unknown): Branch => {
    const leaf = getProperty(row, 'ok');
    const rev = getString(leaf, '_rev');
    if (!isObject(leaf) || rev === undefined)
      throw badGateway("The database's answer held a leaf that cannot be read.");
    // A leaf that an administrator made may be of a form that no client may write; it still counts as a leaf.
    return { leaf: rev, deleted: leaf['_deleted'] === true, path: parseRevisionPath(leaf['_revisions']) ?? [rev] };
  });
}

const generationOf = (rev: Revision | undefined): number => parseRevision(rev)?.generation ?? 0;

/** Each step of a path is one generation, so there is one place to look: 100 branches of 1,000 are a batch's every row. */
const isOnPath = (path: readonly Revision[], rev: Revision): boolean =>
  path[generationOf(path[0]) - generationOf(rev)] === rev;

/**
 * The tree after a revision has been added as replication adds it (`new_edits:false`): one that is known already changes
 * nothing, one that continues leaves takes their place, any other is a new branch.
 */
export function addRevision(tree: RevisionTree, added: Branch): RevisionTree {
  if (tree.some((branch) => isOnPath(branch.path, added.leaf))) return tree;
  return [...tree.filter((branch) => !isOnPath(added.path, branch.leaf)), added];
}

export const countLiveLeaves = (tree: RevisionTree): number => tree.filter((branch) => !branch.deleted).length;

import { isRevision, parseRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import { badGateway } from '../../http/errors.ts';
import { isObject, isStringArray, getProperty, getString } from '../../lib/json.ts';

/** A leaf and its path to the root, as far as the database still has it. */
export interface Branch {
  readonly leaf: Revision;
  readonly deleted: boolean;
  /** The leaf itself first, then its parent, and so on. */
  readonly path: readonly Revision[];
}

/** A document's revision tree as its branches; empty when the document does not exist. */
export type RevisionTree = readonly Branch[];

/** Parses `_revisions: {start, ids}` into revisions, newest first. Returns undefined when it is malformed. */
export function parseRevisionPath(revisions: unknown): readonly Revision[] | undefined {
  const start = getProperty(revisions, 'start');
  const ids = getProperty(revisions, 'ids');
  if (typeof start !== 'number' || !Array.isArray(ids) || ids.length === 0 || ids.length > start) return undefined;
  if (!isStringArray(ids)) return undefined;
  const path = ids.map((id, index) => `${start - index}-${id}`);
  return path.every(isRevision) ? path : undefined;
}

/** Parses the response to `GET document?open_revs=all&revs=true`. Throws 502 for an invalid leaf. */
export function parseTree(response: unknown): RevisionTree {
  if (!Array.isArray(response)) throw badGateway('The database did not return a list of leaves.');
  return response.map((row: unknown): Branch => {
    const leaf = getProperty(row, 'ok');
    const rev = getString(leaf, '_rev');
    if (!isObject(leaf) || rev === undefined) throw badGateway('The database returned an invalid leaf.');
    // An administrator's leaf may have a form that clients may not write. It still counts as a leaf.
    return { leaf: rev, deleted: leaf['_deleted'] === true, path: parseRevisionPath(leaf['_revisions']) ?? [rev] };
  });
}

const generationOf = (rev: Revision | undefined): number => parseRevision(rev)?.generation ?? 0;

/** Each step of a path is one generation, so one index is checked: every row of a batch meets up to 100 paths of 1,000. */
const isOnPath = (path: readonly Revision[], rev: Revision): boolean =>
  path[generationOf(path[0]) - generationOf(rev)] === rev;

/**
 * Returns the tree after a replicated revision (`new_edits:false`) is added. A known revision changes nothing, one that
 * descends from leaves replaces them, and any other is a new branch.
 */
export function addRevision(tree: RevisionTree, added: Branch): RevisionTree {
  if (tree.some((branch) => isOnPath(branch.path, added.leaf))) return tree;
  return [...tree.filter((branch) => !isOnPath(added.path, branch.leaf)), added];
}

export const countLiveLeaves = (tree: RevisionTree): number => tree.filter((branch) => !branch.deleted).length;

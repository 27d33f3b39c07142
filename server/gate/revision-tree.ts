import { generationOf } from '../../../couchdb-design/user-document/revision-order.ts';
import { compareRevisions, isRevision, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import { badGateway } from '../../http/errors.ts';
import { isObject, isStringArray, getProperty, getString } from '../../lib/json.ts';
import type { UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import { readContent, type ReadableContent, type UnreadableContent } from './read-content.ts';

/** The revisions from a leaf to the root, newest first, as far as the database still has them. */
export type RevisionPath = readonly [Revision, ...Revision[]];

/** What a leaf contains. An operator may have stored what this version cannot read. */
export type LeafContent = ReadableContent | UnreadableContent | { readonly kind: 'deleted' };

/** A leaf, its path and its content. */
export interface Branch {
  readonly path: RevisionPath;
  readonly content: LeafContent;
}

/** A document's revision tree as its branches; empty when the document does not exist. */
export type RevisionTree = readonly Branch[];

/** Parses `_revisions: {start, ids}` into revisions, newest first. Returns undefined when it is malformed. */
export function parseRevisionPath(revisions: unknown): RevisionPath | undefined {
  const start = getProperty(revisions, 'start');
  const ids = getProperty(revisions, 'ids');
  if (typeof start !== 'number' || !isStringArray(ids) || ids.length > start) return undefined;
  const [leaf, ...ancestors] = ids.map((id, index) => `${start - index}-${id}`);
  return leaf !== undefined && [leaf, ...ancestors].every(isRevision) ? [leaf, ...ancestors] : undefined;
}

/** Parses the response to `GET document?open_revs=all&revs=true`. Throws 502 for an invalid leaf. */
export function parseTree(response: unknown, readDocument: UserDocumentReader): RevisionTree {
  if (!Array.isArray(response)) throw badGateway('The database did not return a list of leaves.');
  return response.map((row: unknown): Branch => {
    const leaf = getProperty(row, 'ok');
    const rev = getString(leaf, '_rev');
    if (!isObject(leaf) || rev === undefined) throw badGateway('The database returned an invalid leaf.');
    // An administrator's revision may have a form that clients may not write. It still counts as a leaf.
    const path = parseRevisionPath(leaf['_revisions']) ?? [rev];
    if (leaf['_deleted'] === true) return { path, content: { kind: 'deleted' } };
    return { path, content: readContent(leaf, readDocument) };
  });
}

/** Each step of a path is one generation, so one index is checked: every row of a batch is compared with every leaf. */
export const isOnPath = (path: RevisionPath, rev: Revision): boolean =>
  path[generationOf(path[0]) - generationOf(rev)] === rev;

/** Whether the tree has the revision, as a leaf or below one. */
export const hasRevision = (tree: RevisionTree, rev: Revision): boolean => tree.some(({ path }) => isOnPath(path, rev));

/**
 * Returns the tree after a replicated revision (`new_edits:false`) is added. A known revision changes nothing, one that
 * descends from leaves replaces them, and any other is a new branch.
 */
export function addRevision(tree: RevisionTree, added: Branch): RevisionTree {
  if (hasRevision(tree, added.path[0])) return tree;
  return [...tree.filter((branch) => !isOnPath(added.path, branch.path[0])), added];
}

/** Returns the branches whose leaf is not deleted, the winner first. */
export const liveBranches = (tree: RevisionTree): readonly Branch[] =>
  tree.filter(({ content }) => content.kind !== 'deleted').sort((a, b) => compareRevisions(b.path[0], a.path[0]));

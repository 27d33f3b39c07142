/**
 * Resolves a conflict without losing an edit: after the returned writes, the document has one live leaf.
 *
 * Every device that sees the conflict resolves it at once, without coordination. Therefore a written revision is a function
 * of its content and its parent only. Devices that saw the same leaves write the same revisions, which replication does
 * not transfer again. Devices that saw some of the same leaves write the same tombstones on those.
 */
import SparkMD5 from 'spark-md5';
import { canonicalJson } from './canonical-json.ts';
import { merge } from './merge.ts';
import type { Preferences } from './preference-rules.ts';
import { compareRevisions, type Revision } from './revision-order.ts';
import type { UserDocument } from './user-document-shape.ts';
import type { UserDocumentId } from './username.ts';

export interface RevisionMembers {
  readonly _rev: Revision;
  /** The ids of the revision and its parent. CouchDB has the parent, and attaches the revision to it. */
  readonly _revisions: { readonly start: number; readonly ids: readonly [string, string] };
}

/** The merge of all leaves, as a child of the winner. */
export type MergedRevision<P extends object = Preferences> = UserDocument<P> &
  RevisionMembers & { readonly _deleted?: never };

/** The deletion of a losing leaf. It has no body, so that it does not retain removed values. */
export interface Tombstone extends RevisionMembers {
  readonly _id: UserDocumentId;
  readonly _deleted: true;
}

export interface Conflict<P extends object = Preferences> {
  /** All known live leaves with their stored revisions, each once, in any order. */
  readonly leaves: readonly { readonly rev: Revision; readonly document: UserDocument<P> }[];
}

/** Must be written with `new_edits: false`. The merge comes first, so that it is stored before any leaf is deleted. */
export type Resolution<P extends object = Preferences> = readonly (MergedRevision<P> | Tombstone)[];

/** Returns the revision of `content` as a child of `parent`: a function of both. */
export const childRevision = (parent: Revision, content: unknown): RevisionMembers => {
  const [generation, id = ''] = parent.split('-');
  const start = Number(generation) + 1;
  // MD5, as in CouchDB's and PouchDB's revisions. A user who makes two contents collide corrupts only their own document.
  const childId = SparkMD5.hash(canonicalJson([parent, content]));
  return { _rev: `${start}-${childId}`, _revisions: { start, ids: [childId, id] } };
};

/** Returns the deletion of a leaf: a function of the leaf alone. */
export const createTombstone = (_id: UserDocumentId, leaf: Revision): Tombstone => ({
  _id,
  ...childRevision(leaf, [_id, 'deleted']),
  _deleted: true,
});

/**
 * Returns the documents that resolve the conflict: the merge as a child of the winner, unless the winner equals it, and a
 * tombstone on each other leaf. Returns an empty list when there is no conflict.
 */
export const resolveConflict = <P extends object = Preferences>({ leaves }: Conflict<P>): Resolution<P> => {
  const sorted = leaves.toSorted((a, b) => compareRevisions(b.rev, a.rev));
  const [winner] = sorted;
  if (!winner) return [];
  const others = sorted.filter(({ rev }) => rev !== winner.rev);
  const { _id } = winner.document;
  const merged = merge([winner.document, ...others.map(({ document }) => document)]);
  const tombstones = others.map(({ rev }) => createTombstone(_id, rev));
  return canonicalJson(merged) === canonicalJson(winner.document)
    ? tombstones
    : [{ ...merged, ...childRevision(winner.rev, merged) }, ...tombstones];
};

/**
 * What to write so that a document with several live leaves has one again, and no edit is lost.
 *
 * Every device that sees the conflict resolves it, at once and without asking the others. So the revisions written are
 * a function of what they say and what they follow, and of nothing else: devices that saw the same leaves write the same
 * revisions, which replication then finds it has; devices that saw some of the same leaves end each of those alike.
 */
import SparkMD5 from 'spark-md5';
import { canonicalJson } from './canonical-json.ts';
import { merge } from './merge.ts';
import type { Preferences } from './preference-rules.ts';
import { compareRevisions, type Revision } from './revision-order.ts';
import type { UserDocument } from './user-document-shape.ts';
import type { UserDocumentId } from './username.ts';

interface RevisionMembers {
  readonly _rev: Revision;
  /** The revision itself and its parent: CouchDB finds the place of both by the parent, which it has. */
  readonly _revisions: { readonly start: number; readonly ids: readonly [string, string] };
}

/** The merge of all leaves, as a child of the winner. */
export type MergedRevision<P extends object = Preferences> = UserDocument<P> &
  RevisionMembers & { readonly _deleted?: never };

/** The end of a leaf that did not win. Bare, so that what a user has removed is not kept in it. */
export interface Tombstone extends RevisionMembers {
  readonly _id: UserDocumentId;
  readonly _deleted: true;
}

export interface Conflict<P extends object = Preferences> {
  /** The live leaves with the revisions that a database gives, all that are known, each once and in any order. */
  readonly leaves: readonly { readonly rev: Revision; readonly document: UserDocument<P> }[];
}

/** To be written with `new_edits: false`. The merge comes first: what a deleted leaf held is then stored already. */
export type Resolution<P extends object = Preferences> = readonly (MergedRevision<P> | Tombstone)[];

const childRevision = (parent: Revision, content: unknown): RevisionMembers => {
  const [generation, id = ''] = parent.split('-');
  const start = Number(generation) + 1;
  // MD5 as CouchDB's and PouchDB's own revisions: who makes two contents collide confuses their own document only.
  const childId = SparkMD5.hash(canonicalJson([parent, content]));
  return { _rev: `${start}-${childId}`, _revisions: { start, ids: [childId, id] } };
};

/**
 * The documents that resolve the conflict: the merge as a child of the winner, unless the winner says the same already,
 * and a tombstone on each other leaf; none where there is no conflict.
 */
export const resolveConflict = <P extends object = Preferences>({ leaves }: Conflict<P>): Resolution<P> => {
  const sorted = leaves.toSorted((a, b) => compareRevisions(b.rev, a.rev));
  const [winner] = sorted;
  if (!winner) return [];
  const others = sorted.filter(({ rev }) => rev !== winner.rev);
  const { _id } = winner.document;
  const merged = merge([winner.document, ...others.map(({ document }) => document)]);
  const tombstones = others.map(({ rev }): Tombstone => ({
    _id,
    ...childRevision(rev, [_id, 'deleted']),
    _deleted: true,
  }));
  return canonicalJson(merged) === canonicalJson(winner.document)
    ? tombstones
    : [{ ...merged, ...childRevision(winner.rev, merged) }, ...tombstones];
};

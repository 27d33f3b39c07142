/** The user document as a database has it: all its live leaves, read and written. */
import { isEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { merge } from '../../couchdb-design/merge.ts';
import { resolveConflict } from '../../couchdb-design/resolve-conflict.ts';
import { compareRevisions } from '../../couchdb-design/revision-order.ts';
import { upgradeFrom0, versionOf } from '../../couchdb-design/upgrade-user-document.ts';
import { USER_DOCUMENT_VERSION, type UserDocument } from '../../couchdb-design/user-document-shape.ts';
import type { UserDocumentId } from '../../couchdb-design/username.ts';
import { unless, type Database } from '../platform/database.ts';
import type { Shape, Values } from './shape.ts';

/** A user document whose preferences need not all be known here: those of a newer application are kept. */
export type LocalDocument = UserDocument<Values>;

/** Where a document is. */
export interface Source {
  readonly database: Database;
  readonly id: UserDocumentId;
  readonly shape: Shape;
}

export interface LiveLeaf {
  readonly rev: string;
  readonly document: LocalDocument;
}

export interface Replica {
  /** The winner comes first. None: there is no document, or it is deleted. */
  readonly leaves: readonly LiveLeaf[];
  /** False when a newer program wrote it: to write on top of what one cannot read would lose it. */
  readonly isWritable: boolean;
}

/** A leaf as `open_revs` gives it. Its body has passed the gate, and is read for what is needed of it. */
export interface RawLeaf extends Values {
  readonly _rev: string;
  readonly _deleted?: boolean;
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] };
}

const documentIn = ({ _rev, _deleted, _revisions, ...body }: RawLeaf, { known }: Shape): LocalDocument => {
  const document = versionOf(body) === 0 ? upgradeFrom0(body, (key, value) => key in known({ [key]: value })) : body;
  const { preferences, edits } = document as unknown as Partial<LocalDocument>;
  return {
    ...document,
    preferences: preferences ?? {},
    edits: Object.fromEntries(Object.entries(edits ?? {}).filter(([, stamp]) => isEditStamp(stamp))),
  } as LocalDocument;
};

/** Makes a replica of raw leaves. Deleted ones are no part of what is shown. */
export function replicaOf(raw: readonly RawLeaf[], shape: Shape): Replica {
  const leaves = raw
    .filter(({ _deleted }) => !_deleted)
    .map((leaf) => ({ rev: leaf._rev, document: documentIn(leaf, shape) }))
    .sort((a, b) => compareRevisions(b.rev, a.rev));
  return {
    leaves,
    isWritable: leaves.every(({ document: { version } }) => (version as number) === USER_DOCUMENT_VERSION),
  };
}

/** All leaves of the document with their histories, deleted ones too; none when there is no document. Works remotely too. */
export async function readLeaves({ database, id }: Source): Promise<readonly RawLeaf[]> {
  const rows: readonly { ok?: unknown }[] = await unless(404, [], database.get(id, { open_revs: 'all', revs: true }));
  return rows.flatMap(({ ok }) => (ok as RawLeaf | undefined) ?? []);
}

export const readReplica = async (source: Source): Promise<Replica> =>
  replicaOf(await readLeaves(source), source.shape);

/** What is shown and edited: the merge of all live leaves, whether or not their conflict has been resolved yet. */
export const documentOf = ({ leaves: [winner, ...others] }: Replica): LocalDocument | undefined =>
  winner && merge<Values>([winner.document, ...others.map(({ document }) => document)]);

/** Writes a revision on top of `rev`. False when that is no leaf any more: read again, and try again. */
export const writeOnTop = async ({ database }: Source, rev: string, document: LocalDocument): Promise<boolean> =>
  (await unless(409, undefined, database.put({ ...document, _rev: rev }))) !== undefined;

/** Ends the conflict in the same revisions that every other device would write. */
export const writeResolution = (source: Source, leaves: readonly LiveLeaf[]): Promise<unknown> =>
  storeLeaves(source, resolveConflict<Values>({ leaves }));

/** Stores revisions that exist already, with their histories. */
export const storeLeaves = ({ database }: Source, documents: readonly object[]): Promise<unknown> =>
  database.bulkDocs([...documents] as StoredBodies, { new_edits: false });

type StoredBodies = Parameters<Database['bulkDocs']>[0];

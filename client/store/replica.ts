/** The user document as a database has it: all its live leaves, read and written. */
import { splitDocument } from '../../couchdb-design/couch-members.ts';
import { isEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { merge } from '../../couchdb-design/merge.ts';
import { resolveConflict } from '../../couchdb-design/resolve-conflict.ts';
import { compareRevisions } from '../../couchdb-design/revision-order.ts';
import { upgradeFrom0, versionOf } from '../../couchdb-design/upgrade-user-document.ts';
import { USER_DOCUMENT_VERSION, type UserDocument } from '../../couchdb-design/user-document-shape.ts';
import type { UserDocumentId } from '../../couchdb-design/username.ts';
import { databaseError, type Database } from '../platform/database.ts';
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

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the gate has checked is only read here. Undefined for what is no live document of any version. */
const readLeaf = (raw: unknown, { known }: Shape): (LiveLeaf & { readonly isWritable: boolean }) | undefined => {
  const split = splitDocument(raw);
  if (split === undefined || split.members._deleted === true) return undefined;
  const version = versionOf(split.body);
  const body = version === 0 ? upgradeFrom0(split.body, (key, value) => key in known({ [key]: value })) : split.body;
  const { preferences, edits } = body;
  const isReadable = isObject(preferences) && isObject(edits);
  return {
    rev: String(split.members._rev),
    document: {
      ...body,
      preferences: isReadable ? preferences : {},
      edits: isReadable ? Object.fromEntries(Object.entries(edits).filter(([, stamp]) => isEditStamp(stamp))) : {},
    } as unknown as LocalDocument,
    isWritable: isReadable && body['version'] === USER_DOCUMENT_VERSION,
  };
};

/** Makes a replica of raw leaves, as `open_revs=all` gives them. Deleted ones are no part of what is shown. */
export function replicaOf(raw: readonly unknown[], shape: Shape): Replica {
  const leaves = raw.map((leaf) => readLeaf(leaf, shape)).filter((leaf) => leaf !== undefined);
  return {
    leaves: leaves.sort((a, b) => compareRevisions(b.rev, a.rev)),
    isWritable: leaves.every(({ isWritable }) => isWritable),
  };
}

/** All leaves of the document with their histories, deleted ones too; none when there is no document. Works remotely too. */
export async function readLeaves({ database, id }: Source): Promise<readonly Values[]> {
  try {
    const rows: readonly { ok?: Values }[] = await database.get(id, { open_revs: 'all', revs: true });
    return rows.flatMap(({ ok }) => (ok === undefined ? [] : [ok]));
  } catch (error) {
    if (databaseError(error).status === 404) return [];
    throw error;
  }
}

export const readReplica = async (source: Source): Promise<Replica> =>
  replicaOf(await readLeaves(source), source.shape);

/** What is shown and edited: the merge of all live leaves, whether or not their conflict has been resolved yet. */
export const documentOf = ({ leaves: [winner, ...others] }: Replica): LocalDocument | undefined =>
  winner && merge<Values>([winner.document, ...others.map(({ document }) => document)]);

/** Writes a revision on top of `rev`. False when that is no leaf any more: read again, and try again. */
export async function writeOnTop({ database }: Source, rev: string, document: LocalDocument): Promise<boolean> {
  try {
    await database.put({ ...document, _rev: rev });
    return true;
  } catch (error) {
    if (databaseError(error).status === 409) return false;
    throw error;
  }
}

/** Ends the conflict in the same revisions that every other device would write. */
export const writeResolution = (source: Source, leaves: readonly LiveLeaf[]): Promise<void> =>
  storeLeaves(source, resolveConflict<Values>({ documentId: source.id, leaves }));

/** Stores revisions that exist already, with their histories. */
export async function storeLeaves({ database }: Source, documents: readonly object[]): Promise<void> {
  if (documents.length === 0) return;
  await database.bulkDocs(
    documents.map((document) => ({ ...document })),
    { new_edits: false },
  );
}

/** The user document as the local database has it: all its live leaves, read and written. */
import { merge } from '../../couchdb-design/merge.ts';
import { compareRevisions, resolveConflict } from '../../couchdb-design/revisions.ts';
import { readUserDocument, type UserDocument, type UserDocumentId } from '../../couchdb-design/user-document.ts';
import { databaseError, type Database } from '../platform/database.ts';

export interface LiveLeaf {
  readonly rev: string;
  readonly document: UserDocument;
}

export type Replica =
  | { readonly kind: 'absent' }
  /** A newer program wrote it: to write on top of what one cannot read would lose it. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The winner comes first. */
  | { readonly kind: 'present'; readonly leaves: readonly [LiveLeaf, ...LiveLeaf[]] };

/** What `open_revs` answers: deleted leaves too, which are no part of what is shown. */
const isLive = (leaf: Record<string, unknown>): boolean => leaf['_deleted'] !== true;

/** Makes a replica of raw leaves, as `open_revs=all` gives them. */
export function replicaOf(raw: readonly Record<string, unknown>[]): Replica {
  const leaves: LiveLeaf[] = [];
  for (const leaf of raw.filter(isLive)) {
    const read = readUserDocument(leaf);
    if (!read.ok) return { kind: 'unreadable', reason: read.reason };
    leaves.push({ rev: String(leaf['_rev']), document: read.document });
  }
  const [winner, ...others] = leaves.sort((a, b) => compareRevisions(b.rev, a.rev));
  return winner === undefined ? { kind: 'absent' } : { kind: 'present', leaves: [winner, ...others] };
}

/** All leaves of the document with their histories, deleted ones too; none when there is no document. Works remotely too. */
export async function readLeaves(database: Database, id: UserDocumentId): Promise<readonly Record<string, unknown>[]> {
  try {
    const rows: readonly { ok?: Record<string, unknown> }[] = await database.get(id, { open_revs: 'all', revs: true });
    return rows.flatMap(({ ok }) => (ok === undefined ? [] : [ok]));
  } catch (error) {
    if (databaseError(error).status === 404) return [];
    throw error;
  }
}

export const readReplica = async (database: Database, id: UserDocumentId): Promise<Replica> =>
  replicaOf(await readLeaves(database, id));

/** What is shown and edited: the merge of all live leaves, whether or not their conflict has been resolved yet. */
export const documentOf = (replica: Replica): UserDocument | undefined => {
  if (replica.kind !== 'present') return undefined;
  const [winner, ...others] = replica.leaves;
  return merge([winner.document, ...others.map(({ document }) => document)]);
};

/** Writes a revision on top of `rev`. False when that is no leaf any more: read again, and try again. */
export async function writeOnTop(database: Database, rev: string, document: UserDocument): Promise<boolean> {
  try {
    await database.put({ ...document, _rev: rev });
    return true;
  } catch (error) {
    if (databaseError(error).status === 409) return false;
    throw error;
  }
}

/** Ends the conflict in the same revisions that every other device would write. */
export async function writeResolution(
  database: Database,
  documentId: UserDocumentId,
  leaves: readonly LiveLeaf[],
): Promise<void> {
  await storeLeaves(database, resolveConflict({ documentId, leaves }));
}

/** Stores revisions that exist already, with their histories. */
export async function storeLeaves(database: Database, documents: readonly object[]): Promise<void> {
  if (documents.length === 0) return;
  await database.bulkDocs(
    documents.map((document) => ({ ...document })),
    { new_edits: false },
  );
}

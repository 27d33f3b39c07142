/** Reads and replaces all that the local database holds of one user. */
import type { UserDocumentId } from '../../couchdb-design/user-document.ts';
import { readUserDocument } from '../../couchdb-design/user-document.ts';
import type { Database } from '../platform/database.ts';
import { readEdits, type Edit } from './edits.ts';
import { learn, NOTHING_KNOWN, readKnown, type Held } from './known.ts';
import { readNote, updateNote } from './notes.ts';
import { readReplica, storeLeaves } from './replica.ts';
import type { Stored } from './view.ts';

export async function readStored(database: Database, id: UserDocumentId): Promise<Stored> {
  const [replica, draft, suspects, known] = await Promise.all([
    readReplica(database, id),
    readNote(database, 'draft'),
    readNote(database, 'suspects'),
    readNote(database, 'known'),
  ]);
  return { replica, draft: readEdits(draft), suspects: readEdits(suspects), known: readKnown(known) };
}

/** What raw documents of the server's say that it holds. Deleted and unreadable ones hold no edits that count. */
export const heldIn = (documents: readonly unknown[]): readonly Held[] =>
  documents.flatMap((raw): Held[] => {
    const read = readUserDocument(raw);
    const rev = (raw as { readonly _rev?: unknown } | null)?._rev;
    return read.ok && typeof rev === 'string' ? [{ rev, edits: read.document.edits }] : [];
  });

/** Fills an empty database with the server's leaves, and with the edits that are to be tried again. */
export async function fillAnew(
  database: Database,
  serverLeaves: readonly Record<string, unknown>[],
  suspects: readonly Edit[],
): Promise<void> {
  await updateNote(database, 'suspects', () => suspects);
  await updateNote(database, 'known', () => learn(NOTHING_KNOWN, heldIn(serverLeaves)));
  await storeLeaves(database, serverLeaves);
}

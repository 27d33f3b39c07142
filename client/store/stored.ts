/** Reads and replaces all that the local database holds of one user. */
import type { Database } from '../platform/database.ts';
import { readEdits, type Edit } from './edits.ts';
import { learn, NOTHING_KNOWN, readKnown, type Held } from './known.ts';
import { readNote, updateNote } from './notes.ts';
import { readReplica, replicaOf, storeLeaves, type Source } from './replica.ts';
import type { Shape } from './shape.ts';
import type { Stored } from './view.ts';

export const readEditsOf = async (database: Database, name: 'draft' | 'suspects'): Promise<readonly Edit[]> =>
  readEdits(await readNote(database, name));

export async function readStored(source: Source): Promise<Stored> {
  const { database } = source;
  const [replica, draft, suspects, known] = await Promise.all([
    readReplica(source),
    readEditsOf(database, 'draft'),
    readEditsOf(database, 'suspects'),
    readNote(database, 'known'),
  ]);
  return { replica, draft, suspects, known: readKnown(known) };
}

/** What raw documents of the server's say that it holds. Deleted ones hold no edits that count. */
export const heldIn = (documents: readonly unknown[], shape: Shape): readonly Held[] =>
  replicaOf(documents, shape).leaves.map(({ rev, document: { edits } }) => ({ rev, edits }));

/** Fills an empty database with the server's leaves, and with the edits that are to be tried again. */
export async function fillAnew(
  source: Source,
  serverLeaves: readonly object[],
  suspects: readonly Edit[],
): Promise<void> {
  await updateNote(source.database, 'suspects', () => suspects);
  await updateNote(source.database, 'known', () => learn(NOTHING_KNOWN, heldIn(serverLeaves, source.shape)));
  await storeLeaves(source, serverLeaves);
}

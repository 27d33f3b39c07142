/** How an edit, a draft and a conflict become revisions of the local document. Call it under the write lock. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { latestEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import type { UserDocument, UserDocumentId } from '../../couchdb-design/user-document.ts';
import type { Database } from '../platform/database.ts';
import { addEdits, applyEdits, isCovered, readEdits, withoutEdits, type Edit } from './edits.ts';
import { readNote, updateNote } from './notes.ts';
import { readReplica, writeOnTop, writeResolution } from './replica.ts';

/** Replication may add a leaf between each read and write; that it does so this often is not to be believed. */
const MAX_ATTEMPTS = 20;

const sameDocument = (a: UserDocument, b: UserDocument): boolean => canonicalJson(a) === canonicalJson(b);

async function readEditsOf(database: Database, name: 'draft' | 'suspects'): Promise<readonly Edit[]> {
  return readEdits(await readNote(database, name));
}

/**
 * Stores the edits that `edit` makes, given the greatest stamp there is so far: as one revision of the document, or in
 * the draft while there is no document that could be written on. A conflict is resolved before, a draft put in its place.
 */
export async function commit(
  database: Database,
  id: UserDocumentId,
  edit: (seen: EditStamp | undefined) => readonly Edit[],
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const replica = await readReplica(database, id);
    const draft = await readEditsOf(database, 'draft');
    const suspects = await readEditsOf(database, 'suspects');
    const waiting = [...draft, ...suspects].map(({ stamp }) => stamp);

    if (replica.kind !== 'present') {
      const edits = edit(latestEditStamp(waiting));
      if (edits.length > 0) await updateNote(database, 'draft', (before) => addEdits(readEdits(before), edits));
      return;
    }
    const [winner, ...others] = replica.leaves;
    if (others.length > 0) {
      await writeResolution(database, id, replica.leaves);
      continue;
    }
    const seen = latestEditStamp([...Object.values(winner.document.edits), ...waiting]);
    const next = applyEdits(winner.document, addEdits(draft, edit(seen)));
    if (!sameDocument(next, winner.document) && !(await writeOnTop(database, winner.rev, next))) continue;

    if (draft.length > 0) await updateNote(database, 'draft', (before) => withoutEdits(readEdits(before), draft));
    const covered = suspects.filter((suspect) => isCovered(suspect, next));
    if (covered.length > 0) {
      await updateNote(database, 'suspects', (before) => withoutEdits(readEdits(before), covered));
    }
    return;
  }
  throw new Error('The preferences could not be stored: the document keeps changing.');
}

/** How an edit, a draft and a conflict become revisions of the local document. Call it under the write lock. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { latestEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { addEdits, applyEdits, isCovered, readEdits, withoutEdits, type Edit } from './edits.ts';
import { updateNote } from './notes.ts';
import { readReplica, writeOnTop, writeResolution, type Source } from './replica.ts';
import { readEditsOf } from './stored.ts';

/** Replication may add a leaf between each read and write; that it does so this often is not to be believed. */
const MAX_ATTEMPTS = 20;

/**
 * Stores the edits that `edit` makes, given the greatest stamp there is so far: as one revision of the document, or in
 * the draft while there is no document that could be written on. A conflict is resolved before, a draft put in its place.
 */
export async function commit(source: Source, edit: (seen: EditStamp | undefined) => readonly Edit[]): Promise<void> {
  const { database } = source;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { leaves, isWritable } = await readReplica(source);
    const draft = await readEditsOf(database, 'draft');
    const suspects = await readEditsOf(database, 'suspects');
    const waiting = [...draft, ...suspects].map(({ stamp }) => stamp);
    const [winner, ...others] = leaves;
    if (winner === undefined || !isWritable) {
      const edits = edit(latestEditStamp(waiting));
      if (edits.length > 0) await updateNote(database, 'draft', (before) => addEdits(readEdits(before), edits));
      return;
    }
    if (others.length > 0) {
      await writeResolution(source, leaves);
      continue;
    }
    const seen = latestEditStamp([...Object.values(winner.document.edits), ...waiting]);
    const next = applyEdits(winner.document, addEdits(draft, edit(seen)));
    const isSame = canonicalJson(next) === canonicalJson(winner.document);
    if (!isSame && !(await writeOnTop(source, winner.rev, next))) continue;
    if (draft.length > 0) await updateNote(database, 'draft', (before) => withoutEdits(readEdits(before), draft));
    const covered = suspects.filter((suspect) => isCovered(suspect, next));
    if (covered.length > 0) {
      await updateNote(database, 'suspects', (before) => withoutEdits(readEdits(before), covered));
    }
    return;
  }
  throw new Error('The preferences could not be stored: the document keeps changing.');
}

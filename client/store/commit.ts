/** How an edit, a draft and a conflict become revisions of the local document. Call it under the write lock. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { latestEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdits, isCovered, latestEdits, type Edit, type Edits } from './edits.ts';
import { updateKept } from './kept.ts';
import { writeOnTop, writeResolution, type Source } from './replica.ts';
import { readStored } from './view.ts';

/**
 * Stores the edits that `edit` makes, given the greatest stamp there is so far: as one revision of the document, or in
 * the draft while there is no document that could be written on. A conflict is resolved before, a draft put in its place.
 * Replication may add a leaf between each read and write: then it is all done again.
 */
export async function commit(source: Source, edit: (seen: EditStamp | undefined) => Edits): Promise<void> {
  const { database } = source;
  for (let attempts = 20; attempts > 0; attempts -= 1) {
    const { leaves, isWritable, draft, suspects } = await readStored(source);
    const [winner, ...others] = leaves;
    const waiting = [...draft, ...suspects].map(({ stamp }) => stamp);
    if (!winner || !isWritable) {
      const edits = edit(latestEditStamp(waiting));
      if (edits.length > 0) {
        await updateKept(database, (kept) => ({ ...kept, draft: latestEdits([...kept.draft, ...edits]) }));
      }
      return;
    }
    if (others.length > 0) {
      await writeResolution(source, leaves);
      continue;
    }
    const seen = latestEditStamp([...Object.values(winner.document.edits), ...waiting]);
    const next = applyEdits(winner.document, [...draft, ...edit(seen)]);
    const isSame = canonicalJson(next) === canonicalJson(winner.document);
    if (!isSame && !(await writeOnTop(source, winner.rev, next))) continue;
    const isOpen = (one: Edit): boolean => !isCovered(one, next.edits);
    if (draft.length > 0 || !suspects.every(isOpen)) {
      await updateKept(database, (kept) => ({
        ...kept,
        draft: kept.draft.filter(isOpen),
        suspects: kept.suspects.filter(isOpen),
      }));
    }
    return;
  }
  throw new Error('The document keeps changing.');
}

/** How edits and conflicts become revisions of the local document. */
import { resolveConflict } from '../../couchdb-design/user-document/resolve-conflict.ts';
import { applyEdits, isIncludedIn, type Edits } from './edits.ts';
import { readReplica, storeLeaves, writeChildRevision, type Replica, type DocumentSource } from './replica.ts';
import type { Values } from './schema.ts';

/** Those that are to be put into the document. */
const uncommittedEdits = (edits: Edits, { document }: Replica): Edits =>
  edits.filter((edit) => !edit.isSuspect && !isIncludedIn(edit, document));

/** Whether there is something to write, and a document that can be written on. */
export const needsCommit = (replica: Replica, edits: Edits): boolean =>
  replica.isWritable && (replica.leaves.length > 1 || uncommittedEdits(edits, replica).length > 0);

/**
 * Resolves a conflict, and puts the edits in their places. Call it under the write lock. Replication may add a leaf between
 * a read and a write: then it is all done again.
 */
export async function commitEdits(source: DocumentSource, edits: () => Edits): Promise<void> {
  for (let attemptsLeft = 20; attemptsLeft > 0; attemptsLeft -= 1) {
    const replica = await readReplica(source);
    const [leaf, ...others] = replica.leaves;
    if (!leaf || !needsCommit(replica, edits())) return;
    if (others.length > 0) await storeLeaves(source, resolveConflict<Values>(replica));
    else if (await writeChildRevision(source, leaf.rev, applyEdits(leaf.document, uncommittedEdits(edits(), replica))))
      return;
  }
  throw new Error('The document is busy.');
}

/** How edits and conflicts become revisions of the local document. */
import { resolveConflict } from '../../couchdb-design/user-document/resolve-conflict.ts';
import { applyEdits, isCovered, type Edits } from './edits.ts';
import { readReplica, storeLeaves, writeOnTop, type Replica, type Source } from './replica.ts';
import type { Values } from './schema.ts';

/** Those that are to be put into the document. */
const open = (edits: Edits, { document }: Replica): Edits =>
  edits.filter((edit) => !edit.isSuspect && !isCovered(edit, document));

/** Whether there is something to write, and a document that can be written on. */
export const needsSettling = (replica: Replica, edits: Edits): boolean =>
  replica.isWritable && (replica.leaves.length > 1 || open(edits, replica).length > 0);

/**
 * Resolves a conflict, and puts the edits in their places. Call it under the write lock. Replication may add a leaf between
 * a read and a write: then it is all done again.
 */
export async function settle(source: Source, edits: () => Edits): Promise<void> {
  for (let attempts = 20; attempts > 0; attempts -= 1) {
    const replica = await readReplica(source);
    const [leaf, ...others] = replica.leaves;
    if (!leaf || !needsSettling(replica, edits())) return;
    if (others.length > 0) await storeLeaves(source, resolveConflict<Values>(replica));
    else if (await writeOnTop(source, leaf.rev, applyEdits(leaf.document, open(edits(), replica)))) return;
  }
  throw new Error('The document is busy.');
}

/** How edits and conflicts become revisions of the local document. Call it under the write lock. */
import { resolveConflict } from '../../couchdb-design/resolve-conflict.ts';
import { applyEdits, isCovered, type Edits } from './edits.ts';
import { readReplica, storeLeaves, writeOnTop, type Source } from './replica.ts';
import type { Values } from './shape.ts';
import type { Unsent } from './unsent.ts';

/**
 * Resolves a conflict, and puts what is unsent in its place, where there is a document that can be written on. Replication
 * may add a leaf between a read and a write: then it is all done again.
 */
export async function settle(source: Source, unsent: Unsent): Promise<void> {
  for (let attempts = 20; attempts > 0; attempts -= 1) {
    const { leaves, isWritable } = await readReplica(source);
    const [winner, ...others] = leaves;
    if (!winner || !isWritable) return;
    if (others.length > 0) await storeLeaves(source, resolveConflict<Values>({ leaves }));
    else {
      const edits = unsent.read().filter((edit) => !edit.isSuspect && !isCovered(edit, winner.document));
      if (edits.length === 0) return;
      if (await writeOnTop(source, winner.rev, applyEdits(winner.document, edits))) return;
    }
  }
  throw new Error('The document keeps changing.');
}

/** Stores edits, one for a preference, later than all there are. When that fails, it is as if they had not been made. */
export async function commit(source: Source, unsent: Unsent, edits: Edits): Promise<void> {
  const keys = new Set(edits.map(({ key }) => key));
  const replaced = unsent.read().filter(({ key }) => keys.has(key));
  unsent.update((all) => [...all.filter(({ key }) => !keys.has(key)), ...edits]);
  try {
    await settle(source, unsent);
  } catch (error) {
    const stamps = new Set(edits.map(({ stamp }) => stamp));
    unsent.update((all) => [...replaced, ...all.filter(({ stamp }) => !stamps.has(stamp))]);
    throw error;
  }
}

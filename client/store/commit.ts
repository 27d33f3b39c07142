/** How edits and conflicts become revisions of the local document. Call it under the write lock. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { latestEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { resolveConflict } from '../../couchdb-design/resolve-conflict.ts';
import { applyEdits, editsOfPatch } from './edits.ts';
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
      const placed = unsent.read().filter(({ isSuspect }) => !isSuspect);
      const next = applyEdits(winner.document, placed);
      if (canonicalJson(next) === canonicalJson(winner.document)) return;
      if (await writeOnTop(source, winner.rev, next)) return;
    }
  }
  throw new Error('The document keeps changing.');
}

/** Stores an edit, `stampAfter` the greatest stamp there is so far. When that fails, it is as if it had not been made. */
export async function commit(
  source: Source,
  unsent: Unsent,
  patch: Values,
  stampAfter: (seen: EditStamp | undefined) => EditStamp,
): Promise<void> {
  const { document } = await readReplica(source);
  const before = unsent.read();
  const stamp = stampAfter(
    latestEditStamp([...Object.values(document?.edits ?? {}), ...before.map((edit) => edit.stamp)]),
  );
  const replaced = before.filter(({ key }) => Object.hasOwn(patch, key));
  unsent.update((edits) => [...edits.filter((edit) => !replaced.includes(edit)), ...editsOfPatch(patch, stamp)]);
  try {
    await settle(source, unsent);
  } catch (error) {
    unsent.update((edits) => [...replaced, ...edits.filter((edit) => edit.stamp !== stamp)]);
    throw error;
  }
}

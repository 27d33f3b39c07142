/** Commits pending edits to the user document, and resolves its conflicts. */
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { resolveConflict } from '../../couchdb-design/user-document/resolve-conflict.ts';
import { createPace } from '../platform/pace.ts';
import { applyEdits, isIncludedIn, type Edits } from './edits.ts';
import { readReplica, storeLeaves, writeChildRevision, type Replica, type DocumentSource } from './replica.ts';

const MAX_ATTEMPTS = 20;

/** The edits that the document must still get. */
const uncommittedEdits = (edits: Edits, { document }: Replica): Edits =>
  edits.filter((edit) => !edit.isSuspect && !isIncludedIn(edit, document));

/** Whether there is a conflict or an uncommitted edit, and a document that this version may write. */
export const needsCommit = (replica: Replica, edits: Edits): boolean =>
  replica.isWritable && (replica.leaves.length > 1 || uncommittedEdits(edits, replica).length > 0);

/**
 * Resolves a conflict and writes the uncommitted edits. Call it while holding the write lock. Replication does not take
 * that lock and may add a leaf between a read and a write; both are then repeated. Throws after 20 attempts. The
 * first four have no delay between them.
 */
export async function commitEdits(source: DocumentSource, edits: () => Edits): Promise<void> {
  const pace = createPace(4, 1_000);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    await pace();
    const replica = await readReplica(source);
    const [leaf, ...others] = replica.leaves;
    if (!leaf || !needsCommit(replica, edits())) return;
    if (others.length > 0) {
      await storeLeaves(source, resolveConflict<Values>(replica));
    } else {
      const document = applyEdits(leaf.document, uncommittedEdits(edits(), replica));
      if (await writeChildRevision(source, leaf.rev, document)) return;
    }
  }
  throw new Error('The document changed too often to be written. Try again.');
}

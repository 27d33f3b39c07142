/**
 * Repairs the state after the server rejected a revision. PouchDB keeps a rejected revision forever and never sends it
 * again, and every later edit would be its child. So the local database is erased and filled from the server, and each
 * unsent edit is then sent alone, on top of the server's document. An accepted edit returns with the next pull. A rejected
 * edit is discarded and reported.
 */
import { reasonOf, statusOf, type Database } from '../platform/database.ts';
import { readLeaves } from '../store/replica.ts';
import type { LocalStore } from '../store/local-store.ts';
import { commitEdits } from '../store/commit-edits.ts';
import type { Edits } from '../store/edits.ts';
import type { RefusedEdit } from './status.ts';

/** The statuses that concern the edit itself. All others concern the network, the server or the sign-in. */
const REJECTION_STATUSES: readonly (number | undefined)[] = [400, 403, 413];

/** Sends each suspect edit alone. Rejects when the server does not respond; edits not yet sent stay suspects. */
export async function retryRejectedEdits(
  store: LocalStore,
  remote: Database,
  onRefused: (edit: RefusedEdit) => void,
): Promise<void> {
  for (const suspect of store.unsent()) {
    if (!suspect.isSuspect) continue;
    // Read at each use: a response may have corrected its stamp.
    const edits = (): Edits =>
      store
        .unsent()
        .filter(({ key }) => key === suspect.key)
        .map((edit) => ({ ...edit, isSuspect: false }));
    try {
      await commitEdits(store.sourceIn(remote), edits);
    } catch (error) {
      if (!REJECTION_STATUSES.includes(statusOf(error))) throw error;
      // A token of another user, which the application may return from now on, is rejected too. This read then ends the run.
      await readLeaves(store.sourceIn(remote));
      for (const edit of edits()) {
        store.removeEdit(edit);
        onRefused({ key: edit.key, value: edit.value, reason: reasonOf(error) });
      }
    }
  }
}

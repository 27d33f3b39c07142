/**
 * Repairs the state after the server rejected a revision. PouchDB keeps a rejected revision forever and never sends it
 * again, and every later edit would be its child. So the local database is erased and filled from the server, and each
 * unsent edit is then sent alone, on top of the server's document. An accepted edit returns with the next pull. A rejected
 * edit is discarded and reported.
 */
import { reasonOf, statusOf, type Database } from '../platform/database.ts';
import { isDeepEqual } from '../platform/structural-equality.ts';
import { readLeaves } from '../store/replica.ts';
import type { LocalStore } from '../store/local-store.ts';
import { commitEdits } from '../store/commit-edits.ts';
import type { Edit } from '../store/edits.ts';
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
    // Read at each use: a response may have corrected its stamp, and the user may have edited the preference again.
    const currentEdit = (): Edit | undefined => store.unsent().find(({ key }) => key === suspect.key);
    let sent: Edit | undefined;
    try {
      await commitEdits(store.sourceIn(remote), () => {
        sent = currentEdit();
        return sent ? [{ ...sent, isSuspect: false }] : [];
      });
    } catch (error) {
      if (!REJECTION_STATUSES.includes(statusOf(error))) throw error;
      // A write with another user's token, which the application may have returned since the first read, is rejected too. This
      // read then ends the run.
      await readLeaves(store.sourceIn(remote));
      const edit = currentEdit();
      // A later edit of the preference has not been rejected.
      if (!edit || !isDeepEqual(edit.value, sent?.value)) continue;
      store.removeEdit(edit);
      onRefused({ key: edit.key, value: edit.value, reason: reasonOf(error) });
    }
  }
}

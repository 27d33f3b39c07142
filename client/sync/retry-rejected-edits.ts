/**
 * PouchDB keeps a refused revision for ever and never sends it again, and every later edit would be its child. So the
 * local database is thrown away and filled from the server, and each unsent edit is offered to the server by itself,
 * on top of what it has: what is taken comes back by the next pull, what is refused is given up and told.
 */
import { reasonOf, statusOf, type Database } from '../platform/database.ts';
import type { LocalStore } from '../store/local-store.ts';
import { commitEdits } from '../store/commit-edits.ts';
import type { RefusedEdit } from './status.ts';

/** Answers that speak of the edit itself; all others are of the network, the server, or the sign-in. */
const REJECTION_STATUSES: readonly (number | undefined)[] = [400, 403, 413];

/** Offers each suspect by itself. Rejects when the server cannot be asked: those not yet tried stay suspects. */
export async function retryRejectedEdits(
  store: LocalStore,
  remote: Database,
  onRefused: (edit: RefusedEdit) => void,
): Promise<void> {
  for (const { isSuspect, ...edit } of store.unsent()) {
    if (!isSuspect) continue;
    try {
      await commitEdits(store.sourceIn(remote), () => [edit]);
    } catch (error) {
      if (!REJECTION_STATUSES.includes(statusOf(error))) throw error;
      store.removeEdit(edit);
      onRefused({ key: edit.key, value: edit.value, reason: reasonOf(error) });
    }
  }
}

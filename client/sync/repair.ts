/**
 * PouchDB keeps a refused revision for ever and never sends it again, and every later edit would be its child. So the
 * local database is thrown away and filled from the server, and each unsent edit is offered to the server by itself,
 * on top of what it has: what is taken comes back by the next pull, what is refused is given up and told.
 */
import { reasonOf, statusOf, type Database } from '../platform/database.ts';
import { applyEdits, isCovered, type Edit } from '../store/edits.ts';
import type { LocalStore } from '../store/local-store.ts';
import { documentOf, readLeaves, readReplica, writeOnTop, type Source } from '../store/replica.ts';
import type { RefusedEdit } from './status.ts';

export type Offer = { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly reason: string };

/** Somebody else may be writing at the same moment; not this often. */
const MAX_ATTEMPTS = 10;

/** Answers that speak of the edit itself; all others are of the network, the server, or the sign-in. */
const REFUSALS: readonly (number | undefined)[] = [400, 403, 413];

/** Offers one edit to the server. Rejects when it cannot be asked. */
export async function offerEdit(remote: Source, edit: Edit): Promise<Offer> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const replica = await readReplica(remote);
    const document = documentOf(replica);
    const [winner] = replica.leaves;
    if (winner === undefined || document === undefined || !replica.isWritable) {
      throw new Error('The server has no document that could be edited.');
    }
    if (isCovered(edit, document.edits)) return { kind: 'taken' };
    try {
      if (await writeOnTop(remote, winner.rev, applyEdits(document, [edit]))) return { kind: 'taken' };
    } catch (error) {
      if (!REFUSALS.includes(statusOf(error))) throw error;
      return { kind: 'refused', reason: reasonOf(error) };
    }
  }
  throw new Error('The document on the server keeps changing.');
}

/** Makes the local database anew. Rejects, and leaves it as it is, when the server cannot be asked. */
export async function replaceReplica(store: LocalStore, remote: Database): Promise<void> {
  await store.replace(await readLeaves(store.sourceIn(remote)));
}

/** Offers each suspect by itself. Rejects when the server cannot be asked: those not yet tried stay suspects. */
export async function trySuspects(
  store: LocalStore,
  remote: Database,
  onRefused: (edit: RefusedEdit) => void,
): Promise<void> {
  for (const edit of store.suspects()) {
    const offer = await offerEdit(store.sourceIn(remote), edit);
    if (offer.kind === 'taken') continue;
    await store.dropSuspect(edit);
    onRefused({ key: edit.key, value: edit.value, reason: offer.reason });
  }
}

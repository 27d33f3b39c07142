/**
 * The edits of this browser until the server is seen to have them: each is noted here before it is put into the
 * document, and so is still there when there is no document yet, or when the database is lost or thrown away.
 */
import type { Environment } from '../platform/environment.ts';
import type { Edits } from './edits.ts';

export interface Unsent {
  readonly read: () => Edits;
  /** What is read and written here no other tab can come between. */
  readonly update: (change: (edits: Edits) => Edits) => void;
}

export const openUnsent = (storage: Environment['storage'], key: string): Unsent => {
  const read = (): Edits => JSON.parse(storage.getItem(key) ?? '[]') as Edits;
  return { read, update: (change) => storage.setItem(key, JSON.stringify(change(read()))) };
};

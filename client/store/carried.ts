/**
 * Edits that are in no database for sure: those that a replacement carries over, and those that were being stored when the
 * page was left, since a browser breaks off what it writes then. They are kept as text, which is kept at once.
 */
import type { Environment } from '../platform/environment.ts';
import { latestEdits, type Edits } from './edits.ts';

export interface Carried {
  readonly add: (edits: Edits) => void;
  /** Gives all of them to `store`, and forgets them once that is done; what another page adds meanwhile stays. */
  readonly handOver: (store: (edits: Edits) => Promise<unknown>) => Promise<void>;
}

/** `name` is the database's. */
export function createCarried(storage: Environment['storage'], name: string): Carried {
  const key = `${name}:carry`;
  const read = (text: string | null): Edits => JSON.parse(text ?? '[]') as Edits;
  return {
    add: (edits) => {
      if (edits.length > 0)
        storage.setItem(key, JSON.stringify(latestEdits([...read(storage.getItem(key)), ...edits])));
    },
    handOver: async (store) => {
      const text = storage.getItem(key);
      await store(read(text));
      if (storage.getItem(key) === text) storage.removeItem(key);
    },
  };
}

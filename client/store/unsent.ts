/**
 * The edits of this browser until the server is seen to have them. Each is noted at once when it is made, before it is put
 * into the document: so it is still there when there is no document yet, when the page is left in that moment, and when
 * the database is lost or thrown away. Each preference has an item of its own, that tabs may not write over each other's.
 */
import type { Environment } from '../platform/environment.ts';
import { remove } from '../platform/leftovers.ts';
import type { Edit, Edits } from './edits.ts';

export interface Unsent {
  /** One for a preference at the most, in any order. */
  readonly read: () => Edits;
  /** Each takes the place of an earlier one of its preference. Throws when the browser has no room for it. */
  readonly note: (edits: Edits) => void;
  /** Gives those that were dropped. */
  readonly drop: (isOver: (edit: Edit) => boolean) => Edits;
}

/** `prefix`: what the items' names begin with, before the preference's. */
export function openUnsent(storage: Environment['storage'], prefix: string): Unsent {
  const read = (): Edits =>
    Object.keys(storage).flatMap((name) => (name.startsWith(prefix) ? (JSON.parse(storage[name] ?? '') as Edit) : []));
  return {
    read,
    note: (edits) => {
      for (const edit of edits) storage[prefix + edit.key] = JSON.stringify(edit);
    },
    drop: (isOver) => {
      const dropped = read().filter(isOver);
      for (const { key } of dropped) remove(storage, prefix + key);
      return dropped;
    },
  };
}

/**
 * The edits of this browser until the server is seen to have them. Each is noted at once when it is made, before it is put
 * into the document: so it is still there when there is no document yet, when the page is left in that moment, and when
 * the database is lost or thrown away. Each has an item of its own, that no tab may write over, or remove, what it has not
 * seen: what one tab stores another may see a moment later.
 */
import type { Environment } from '../platform/environment.ts';
import { removeItem } from '../platform/local-data.ts';
import type { Edit, Edits } from './edits.ts';

export interface PendingEdits {
  /** The last one of each preference. */
  readonly read: () => Edits;
  /** Throws when the browser has no room for it. */
  readonly add: (edits: Edits) => void;
  /** Forgets those, earlier ones of a preference too. Whether there were any. */
  readonly remove: (isOver: (edit: Edit) => boolean) => boolean;
}

/** `prefix`: what the items' names begin with. A stamp follows, so that the order of the names is that of the edits. */
export function openPendingEdits(storage: Environment['storage'], prefix: string): PendingEdits {
  const itemKey = ({ stamp, key }: Edit): string => prefix + stamp + key;
  const readAll = (): Edits =>
    Object.keys(storage)
      .sort()
      .flatMap((name) => (name.startsWith(prefix) ? (JSON.parse(storage[name] ?? '') as Edit) : []));
  return {
    read: () => [...new Map(readAll().map((edit) => [edit.key, edit])).values()],
    add: (edits) => {
      for (const edit of edits) storage[itemKey(edit)] = JSON.stringify(edit);
    },
    remove: (predicate) => {
      const removed = readAll().filter(predicate);
      for (const edit of removed) removeItem(storage, itemKey(edit));
      return removed.length > 0;
    },
  };
}

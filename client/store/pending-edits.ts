/**
 * The edits of this browser until the server is seen to have them. Each is noted at once when it is made, before it is put
 * into the document: so it is still there when there is no document yet, when the page is left in that moment, and when
 * the database is lost or thrown away. Each has an item of its own, that no tab may write over, or remove, what it has not
 * seen: what one tab stores another may see a moment later.
 */
import type { Environment } from '../platform/environment.ts';
import { remove } from '../platform/local-data.ts';
import type { Edit, Edits } from './edits.ts';

export interface Unsent {
  /** The last one of each preference. */
  readonly read: () => Edits;
  /** Throws when the browser has no room for it. */
  readonly note: (edits: Edits) => void;
  /** Forgets those, earlier ones of a preference too. Whether there were any. */
  readonly drop: (isOver: (edit: Edit) => boolean) => boolean;
}

/** `prefix`: what the items' names begin with. A stamp follows, so that the order of the names is that of the edits. */
export function openUnsent(storage: Environment['storage'], prefix: string): Unsent {
  const nameOf = ({ stamp, key }: Edit): string => prefix + stamp + key;
  const all = (): Edits =>
    Object.keys(storage)
      .sort()
      .flatMap((name) => (name.startsWith(prefix) ? (JSON.parse(storage[name] ?? '') as Edit) : []));
  return {
    read: () => [...new Map(all().map((edit) => [edit.key, edit])).values()],
    note: (edits) => {
      for (const edit of edits) storage[nameOf(edit)] = JSON.stringify(edit);
    },
    drop: (isOver) => {
      const over = all().filter(isOver);
      for (const edit of over) remove(storage, nameOf(edit));
      return over.length > 0;
    },
  };
}

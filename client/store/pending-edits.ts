/**
 * Stores this browser's edits until the server has them. An edit is stored when it is made, before it is committed to the
 * document. So it survives when there is no document yet, when the page is closed at that moment, and when the database is
 * lost or erased. Each edit has its own storage item: what one tab stores, another may see a moment later, so no tab
 * overwrites or removes an edit that it has not seen.
 */
import type { Environment } from '../platform/environment.ts';
import { removeItem } from '../platform/local-data.ts';
import type { Edit, Edits } from './edits.ts';

export interface PendingEdits {
  /** Returns the last edit of each preference. */
  readonly read: () => Edits;
  /** Stores edits. Throws when the browser's storage is full. */
  readonly add: (edits: Edits) => void;
  /** Removes the matching edits, earlier ones of a preference included. Returns whether there were any. */
  readonly remove: (predicate: (edit: Edit) => boolean) => boolean;
}

/** Parses an item. Another tab may have removed it since its key was read, and a damaged profile may return any text. */
const parseItem = (text: string | undefined): Edits => {
  try {
    return text === undefined ? [] : [JSON.parse(text) as Edit];
  } catch {
    return [];
  }
};

/** `prefix` starts every item's key. The stamp follows it, so that the keys sort in the order of the edits. */
export function openPendingEdits(storage: Environment['storage'], prefix: string): PendingEdits {
  const itemKey = ({ stamp, key }: Edit): string => prefix + stamp + key;
  const readAll = (): Edits =>
    Object.keys(storage)
      .filter((name) => name.startsWith(prefix))
      .sort()
      .flatMap((name) => parseItem(storage[name]));
  return {
    read: () => [...new Map(readAll().map((edit) => [edit.key, edit])).values()],
    add: (edits) => {
      for (const edit of edits) storage[itemKey(edit)] = JSON.stringify(edit);
    },
    remove: (predicate) => {
      // An item that the storage does not delete must not count as removed at each call.
      const removed = readAll().filter((edit) => predicate(edit) && removeItem(storage, itemKey(edit)));
      return removed.length > 0;
    },
  };
}

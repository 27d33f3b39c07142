/** Small records kept in `_local/` documents of the local database: they are never replicated, and go when it goes. */
import { databaseError, type Database } from '../platform/database.ts';

/** `draft`: edits made before there was a document. `suspects`: edits to be tried one by one. `known`: see known.ts. */
export type NoteName = 'draft' | 'suspects' | 'known';

const idOf = (name: NoteName): string => `_local/pouchgate-${name}`;

/** A note's value as it was stored, unchecked; undefined when there is none. */
export async function readNote(database: Database, name: NoteName): Promise<unknown> {
  try {
    return (await database.get(idOf(name)))['value'];
  } catch (error) {
    if (databaseError(error).status === 404) return undefined;
    throw error;
  }
}

/** Writes what `change` makes of the value that is there, as often as somebody else was quicker. */
export async function updateNote(
  database: Database,
  name: NoteName,
  change: (before: unknown) => unknown,
): Promise<void> {
  for (;;) {
    const before = await database.get(idOf(name)).catch((error: unknown) => {
      if (databaseError(error).status === 404) return undefined;
      throw error;
    });
    const value = change(before?.['value']);
    if (value === before?.['value']) return;
    try {
      await database.put({ _id: idOf(name), ...(before === undefined ? {} : { _rev: before._rev }), value });
      return;
    } catch (error) {
      if (databaseError(error).status !== 409) throw error;
    }
  }
}

/**
 * What is kept beside a local database, and whose data has still to be taken out of this browser. A sign-out can be cut off
 * at any moment, by a crash or a closed lid: who is leaving is noted before anything else, and what is left is removed by
 * whoever opens the page next.
 */
import { parseUsername } from '../../couchdb-design/user-document/username.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './database.ts';
import { defaultEnvironment, type Environment } from './environment.ts';

type Texts = Environment['storage'];

const MARK = ':leaving';

/** Where there is no room left it is only forgotten when the page is closed. */
export const keep = (storage: Texts, item: string, text: string): void => {
  try {
    storage[item] = text;
  } catch {
    // See above.
  }
};

export const remove = (storage: Texts, item: string): void => void Reflect.deleteProperty(storage, item);

/** `name` is a database's. */
export const isLeaving = (storage: Texts, name: string): boolean => storage[name + MARK] !== undefined;

export const markLeaving = (storage: Texts, name: string): void => keep(storage, name + MARK, '');

export const markGone = (storage: Texts, name: string): void => {
  remove(storage, name + MARK);
};

/** Forgets all that is kept beside the database. */
export const forget = (storage: Texts, name: string): void => {
  for (const item of Object.keys(storage)) if (item.startsWith(`${name}:`)) remove(storage, item);
};

export interface EraseOptions {
  /** Whose data to remove, whether or not they have signed out. */
  readonly username?: string;
  /** As in PreferencesStoreOptions. */
  readonly namespace?: string;
  readonly openDatabase?: OpenDatabase;
  readonly storage?: Texts;
}

/**
 * Removes from this browser what sign-outs that were cut off have left behind, and with `username` that user's data too.
 * Call it when the page starts. No store of such a user may be open. Rejects when the browser does not let go of it.
 */
export async function eraseLocalData({
  username,
  namespace = 'pouchgate',
  openDatabase = openBrowserDatabase,
  storage = defaultEnvironment().storage,
}: EraseOptions = {}): Promise<void> {
  const asked = parseUsername(username);
  if (asked) markLeaving(storage, databaseName(namespace, asked));
  for (const item of Object.keys(storage)) {
    if (!item.startsWith(databaseName(namespace, '')) || !item.endsWith(MARK)) continue;
    const name = item.slice(0, -MARK.length);
    await openDatabase(name).destroy();
    forget(storage, name);
  }
}

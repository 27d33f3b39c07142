/**
 * What is kept beside a local database, and whose data has still to be taken out of this browser. A sign-out can be cut off
 * at any moment, by a crash or a closed lid: who is leaving is noted before anything else, and what is left is removed by
 * whoever opens the page next.
 */
import { parseUsername } from '../../couchdb-design/user-document/username.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './database.ts';
import { defaultEnvironment, type Environment } from './environment.ts';

type StringStorage = Environment['storage'];

const SIGN_OUT_MARK_SUFFIX = ':leaving';

/** Where there is no room left it is only forgotten when the page is closed. */
export const setItem = (storage: StringStorage, key: string, value: string): void => {
  try {
    storage[key] = value;
  } catch {
    // See above.
  }
};

export const removeItem = (storage: StringStorage, key: string): void => void Reflect.deleteProperty(storage, key);

/** `name` is a database's. */
export const isSignOutPending = (storage: StringStorage, name: string): boolean =>
  storage[name + SIGN_OUT_MARK_SUFFIX] !== undefined;

export const markSignOutPending = (storage: StringStorage, name: string): void =>
  setItem(storage, name + SIGN_OUT_MARK_SUFFIX, '');

export const clearSignOutMark = (storage: StringStorage, name: string): void => {
  removeItem(storage, name + SIGN_OUT_MARK_SUFFIX);
};

/** Forgets all that is kept beside the database. */
export const clearUserData = (storage: StringStorage, name: string): void => {
  for (const key of Object.keys(storage)) if (key.startsWith(`${name}:`)) removeItem(storage, key);
};

export interface EraseOptions {
  /** Whose data to remove, whether or not they have signed out. */
  readonly username?: string;
  /** As in PreferencesStoreOptions. */
  readonly namespace?: string;
  readonly openDatabase?: OpenDatabase;
  readonly storage?: StringStorage;
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
  const parsedUsername = parseUsername(username);
  if (parsedUsername) markSignOutPending(storage, databaseName(namespace, parsedUsername));
  for (const key of Object.keys(storage)) {
    if (!key.startsWith(databaseName(namespace, '')) || !key.endsWith(SIGN_OUT_MARK_SUFFIX)) continue;
    const name = key.slice(0, -SIGN_OUT_MARK_SUFFIX.length);
    await openDatabase(name).destroy();
    clearUserData(storage, name);
  }
}

/**
 * The data that is stored beside a local database, and the mark of a pending sign-out. A sign-out can be interrupted at any
 * moment, by a crash or a closed lid. It is marked before anything is removed, and the next page load removes the rest.
 */
import { parseUsername } from '../../couchdb-design/user-document/username.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './database.ts';
import { defaultEnvironment, type Environment } from './environment.ts';

type StringStorage = Environment['storage'];

const SIGN_OUT_MARK_SUFFIX = ':leaving';

/** Stores an item. Ignores a full storage: the value is then lost when the page is closed. */
export const setItem = (storage: StringStorage, key: string, value: string): void => {
  try {
    storage[key] = value;
  } catch {
    // The storage is full.
  }
};

/** Removes an item. */
export const removeItem = (storage: StringStorage, key: string): void => void Reflect.deleteProperty(storage, key);

/** Whether a sign-out was interrupted before it removed the data of this database. */
export const isSignOutPending = (storage: StringStorage, name: string): boolean =>
  storage[name + SIGN_OUT_MARK_SUFFIX] !== undefined;

/** Marks a sign-out as pending. Call it before data is removed. */
export const markSignOutPending = (storage: StringStorage, name: string): void =>
  setItem(storage, name + SIGN_OUT_MARK_SUFFIX, '');

/** Removes the mark. Call it after all data is removed. */
export const clearSignOutMark = (storage: StringStorage, name: string): void => {
  removeItem(storage, name + SIGN_OUT_MARK_SUFFIX);
};

/** Removes all items that belong to the database, the sign-out mark included. */
export const clearUserData = (storage: StringStorage, name: string): void => {
  for (const key of Object.keys(storage)) if (key.startsWith(`${name}:`)) removeItem(storage, key);
};

/** Options of {@link eraseLocalData}. */
export interface EraseOptions {
  /** A user whose data to remove, signed out or not. Default: only the users whose sign-out was interrupted. */
  readonly username?: string;
  /** The namespace of the stores, as in `StoreOptions.namespace`. Default: `pouchgate`. */
  readonly namespace?: string;
  /** How the local databases are opened, as in `StoreOptions.openDatabase`. Default: in IndexedDB. */
  readonly openDatabase?: OpenDatabase;
  /** Where the stores keep their items, as in `Environment.storage`. Default: `localStorage`. */
  readonly storage?: StringStorage;
}

/**
 * Removes the data of interrupted sign-outs from this browser, and the data of `username` if given. Call it when the page
 * starts. No store of these users may be open.
 *
 * @param options - Whose data to remove, and where it is.
 * @returns A promise that resolves when the data is removed.
 * @throws Rejects with PouchDB's error when the browser does not delete a database. The next call tries again.
 * @example
 * ```ts
 * await eraseLocalData();
 * await eraseLocalData({ username: 'alice' });
 * ```
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

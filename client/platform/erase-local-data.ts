/** Finishes interrupted sign-outs, and removes a user's data without opening their store. */
import { encodeSubject } from '../../couchdb-design/user-document/username.ts';
import { databaseName, openBrowserDatabase } from './database.ts';
import type { OpenDatabase } from './pouch-database.ts';
import { defaultEnvironment, type Environment } from './environment.ts';
import { markSignOutPending, removeSignedOutItems, SIGN_OUT_MARK_SUFFIX } from './local-data.ts';
import { withTimeout } from './pace.ts';
import { DEFAULT_PLATFORM_TIMING } from './timing.ts';

/** Options of {@link eraseLocalData}. */
export interface EraseOptions {
  /** A user whose data to remove, signed out or not. Default: only the users whose sign-out was interrupted. */
  readonly username?: string;
  /** The namespace of the stores, as in `StoreOptions.namespace`. Default: `pouchgate`. */
  readonly namespace?: string;
  /** How the local databases are opened, as in `StoreOptions.openDatabase`. Default: in IndexedDB. */
  readonly openDatabase?: OpenDatabase;
  /** Where the stores keep their items, as in `Environment.storage`. Default: `localStorage`. */
  readonly storage?: Environment['storage'];
}

/**
 * Removes the data of interrupted sign-outs from this browser, and the data of `username` if given. Call it when the page
 * starts. No store of these users may be open.
 *
 * @param options - Whose data to remove, and where it is.
 * @returns A promise that resolves when the data is removed.
 * @throws Rejects with PouchDB's error when the browser does not delete a database, and with an Error when it does not respond.
 * The next call tries again.
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
  const encodedUsername = encodeSubject(username);
  if (encodedUsername) markSignOutPending(storage, databaseName(namespace, encodedUsername));
  for (const key of Object.keys(storage)) {
    if (!key.startsWith(databaseName(namespace, '')) || !key.endsWith(SIGN_OUT_MARK_SUFFIX)) continue;
    const name = key.slice(0, -SIGN_OUT_MARK_SUFFIX.length);
    await withTimeout(DEFAULT_PLATFORM_TIMING.responseMs, 'The database', async () =>
      (await openDatabase(name)).destroy(),
    );
    removeSignedOutItems(storage, name);
  }
}

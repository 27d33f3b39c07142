/**
 * Whose data has still to be taken out of this browser. A sign-out can be cut off at any moment, by a crash or a closed
 * lid: who is leaving is noted before anything else, and what is left is removed by whoever opens the page next.
 */
import { parseUsername, type Username } from '../../couchdb-design/username.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './database.ts';
import { defaultEnvironment, type Environment } from './environment.ts';

type TextStorage = Environment['storage'];

/** What is kept beside a database of that name: see local-store.ts and preferences-store.ts. */
const KEPT = ['carry', 'device', 'synced'];

const keyOf = (namespace: string): string => `${namespace}:leaving`;

export const leaving = (storage: TextStorage, namespace: string): readonly Username[] =>
  JSON.parse(storage.getItem(keyOf(namespace)) ?? '[]') as Username[];

export const markLeaving = (storage: TextStorage, namespace: string, username: Username): void =>
  storage.setItem(keyOf(namespace), JSON.stringify([...new Set([...leaving(storage, namespace), username])]));

/** The database is gone: so is what was kept beside it, and the note that it was to go. */
export const markGone = (storage: TextStorage, namespace: string, username: Username): void => {
  for (const key of KEPT) storage.removeItem(`${databaseName(namespace, username)}:${key}`);
  const names = leaving(storage, namespace).filter((name) => name !== username);
  if (names.length > 0) storage.setItem(keyOf(namespace), JSON.stringify(names));
  else storage.removeItem(keyOf(namespace));
};

export interface EraseOptions {
  /** Whose data to remove, whether or not they have signed out. */
  readonly username?: string;
  /** As in PreferencesStoreOptions. */
  readonly namespace?: string;
  readonly openDatabase?: OpenDatabase;
  readonly storage?: TextStorage;
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
  if (asked !== undefined) markLeaving(storage, namespace, asked);
  for (const name of leaving(storage, namespace)) {
    await openDatabase(databaseName(namespace, name)).destroy();
    markGone(storage, namespace, name);
  }
}

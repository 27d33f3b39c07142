/** Local stores for tests, each with its own in-memory browser. They are closed after each test. */
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { newUserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/username.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/default-preferences.ts';
import type { Database, StoredBody } from '../platform/database.ts';
import { defaultEnvironment, type Environment } from '../platform/environment.ts';
import { LocalStore } from '../store/local-store.ts';
import type { LocalStoreOptions } from '../store/types.ts';
import type { SupersededEdit } from '../store/superseded-edits.ts';
import { storeLeaves as storeIn } from '../store/replica.ts';

PouchDB.plugin(memoryAdapter);

const alice = parseUsername('alice') as Username;
const id = userDocumentId(alice);
export const emptyDocument = newUserDocument(alice, new Date('2026-11-22T09:00:00.000Z'));
export const ROOT_REVISION = `1-${'a'.repeat(32)}`;
export const SERVER_DOCUMENT = { ...emptyDocument, _rev: ROOT_REVISION };

export const supersededEdits: SupersededEdit[] = [];
export const storeLeaves = (database: Database, leaves: readonly object[]): Promise<unknown> =>
  storeIn({ database, id }, leaves);

interface FakeBrowser {
  readonly openDatabase: (name: string) => Database;
  readonly storage: Environment['storage'];
}
let browserCount = 0;
/** The storage of one browser: opening one name twice gives the same database. */
export const createFakeBrowser = (isCompacted = true): FakeBrowser => {
  const prefix = `browser-${(browserCount += 1)}-`;
  return {
    openDatabase: (name) => new PouchDB<StoredBody>(prefix + name, { adapter: 'memory', auto_compaction: isCompacted }),
    storage: {},
  };
};

const stores: LocalStore[] = [];
export async function openLocalStore(
  { openDatabase, storage }: FakeBrowser,
  options: Partial<LocalStoreOptions> = {},
): Promise<LocalStore> {
  const store = new LocalStore({
    id: userDocumentId(alice),
    name: 'pouchgate_alice',
    defaults: DEFAULT_PREFERENCES,
    openDatabase,
    environment: { ...defaultEnvironment(), storage },
    onUnsentChange: () => undefined,
    onReplaced: () => undefined,
    onSuperseded: (edit) => supersededEdits.push(edit),
    ...options,
  });
  stores.push(store);
  await store.ready;
  return store;
}
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close(false))));

export const waitUntil = async (store: LocalStore, condition: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!condition()) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(check);
    check();
  });

export const suspectKeys = (store: LocalStore): string[] =>
  store.unsent().flatMap(({ key, isSuspect }) => (isSuspect ? [key] : []));

export const leavesOf = async (database: Database): Promise<readonly StoredBody[]> => {
  const rows: readonly { ok?: StoredBody }[] = await database.get(id, { open_revs: 'all' });
  return rows.flatMap(({ ok }) => (ok === undefined || ok['_deleted'] === true ? [] : [ok]));
};

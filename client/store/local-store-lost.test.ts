import type { StoredBody } from '../platform/database.ts';
import { clearUserData } from '../platform/local-data.ts';
import {
  createFakeBrowser,
  leavesOf,
  openLocalStore,
  ROOT_REVISION,
  SERVER_DOCUMENT,
  storeLeaves,
  supersededEdits,
  suspectKeys,
} from '../testing/local-store.ts';

/** Loss of stored data: a browser may delete it, abort an operation or have no space, and a repair replaces the database. */

test('replace keeps unsent edits as suspects that are still shown, on top of the server’s document', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await store.replace([SERVER_DOCUMENT]);
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT_REVISION }]);
  expect(suspectKeys(store)).toEqual(['theme']);
  expect(store.visiblePreferences()['theme']).toBe('dark');
  store.removeEdit(store.unsent()[0] ?? { key: '', value: null, stamp: '' });
  expect(store.visiblePreferences()['theme']).toBe('system');
});

test('replace keeps an edit of the replaced document whose storage item is lost', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  clearUserData(memory.storage, 'pouchgate_alice');
  await store.replace([SERVER_DOCUMENT]);
  expect(suspectKeys(store)).toEqual(['theme']);
  expect(store.visiblePreferences()['theme']).toBe('dark');
});

test('an interrupted replace loses no edit: the next start restores it', async () => {
  const memory = createFakeBrowser();
  let onErased: () => void = () => undefined;
  const erased = new Promise<void>((resolve) => {
    onErased = resolve;
  });
  let interrupt: (reason: Error) => void = () => undefined;
  let openCount = 0;
  const store = await openLocalStore({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      openCount += 1;
      // The tab is closed after the old database is erased and before the new one is filled.
      if (openCount > 1) {
        database.bulkDocs = () => {
          onErased();
          return new Promise((_resolve, reject) => {
            interrupt = reject;
          });
        };
      }
      return database;
    },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const replacing = store.replace([SERVER_DOCUMENT]);
  await erased;
  const after = await openLocalStore(memory);
  expect((await after.database().allDocs()).rows).toEqual([]);
  expect(after.visiblePreferences()['theme']).toBe('dark');
  expect(after.unsent().length).toBe(1);
  expect(suspectKeys(after)).toEqual(['theme']);
  // Ends all pending work before the end of the test.
  const closed = store.close(false);
  interrupt(new Error('interrupted'));
  await expect(replacing).rejects.toThrow('interrupted');
  await closed;
});

test('an edit that was being stored when the page closed is restored at the next start', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore({ ...memory, openDatabase: createFakeBrowser().openDatabase });
  const edits = Promise.all([store.edit({ theme: 'light' }), store.edit({ viewMode: 'graph', theme: 'dark' })]);
  // An empty database, and a copy of the storage at that moment.
  const after = await openLocalStore({ ...memory, storage: { ...memory.storage } });
  expect(after.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(after.unsent()).toHaveLength(2);
  await edits;
});

test('an edit that was committed and is still pending is one edit, which a later one replaces', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ recapTime: '19:30' });
  const edits = store.edit({ theme: 'dark' });
  const storage = { ...memory.storage };
  await edits;
  await store.edit({ theme: 'light' });
  const after = await openLocalStore({ ...memory, storage });
  expect(after.visiblePreferences()).toMatchObject({ theme: 'light', recapTime: '19:30' });
  expect(supersededEdits).toEqual([]);
});

test('an edit rejects when the storage is full, and reads and other edits still work', async () => {
  const memory = createFakeBrowser();
  const first = await openLocalStore(memory);
  await storeLeaves(first.database(), [SERVER_DOCUMENT]);
  await first.edit({ theme: 'dark' });
  const storage = new Proxy(memory.storage, {
    set: () => {
      throw new DOMException('No.', 'QuotaExceededError');
    },
  });
  const store = await openLocalStore({ ...memory, storage });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('could not store the change');
  expect(store.visiblePreferences()['theme']).toBe('dark');
});

test('an unreadable leaf does not count as missing: the shown preferences stay', async () => {
  const memory = createFakeBrowser();
  let isClosing = false;
  const store = await openLocalStore({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      const get = database.get.bind(database) as (...args: unknown[]) => Promise<unknown>;
      // PouchDB reports leaves as missing when the database is closed between its two reads: of the list of leaves, and
      // of each leaf. Its internal calls have a callback as third argument.
      const failingGet = (...args: unknown[]): Promise<unknown> =>
        isClosing && args.length === 2 ? Promise.resolve([{ missing: ROOT_REVISION }]) : get(...args);
      // The memory adapter closes a database for all of its handles.
      return Object.assign(database, { get: failingGet, close: () => Promise.resolve() });
    },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const shown: unknown[] = [];
  store.subscribe(() => shown.push(store.visiblePreferences()['theme']));
  isClosing = true;
  await expect(store.refresh()).rejects.toThrow('cannot be read');
  isClosing = false;
  await store.refresh();
  expect([...new Set(shown)]).toEqual(['dark']);
});

test('closing with erase and clearing the storage leaves no data', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await store.edit({ theme: 'dark' });
  await store.close(true);
  clearUserData(memory.storage, 'pouchgate_alice');
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('closed');
  const reopened = await openLocalStore(memory);
  expect(reopened.visiblePreferences()['theme']).toBe('system');
  expect(reopened.unsent().length).toBe(0);
});

test('opens a deleted database again and commits the unsent edits to it', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await memory.openDatabase('pouchgate_alice').destroy();
  // A browser closes the connections of a database that it deletes. The memory adapter does not.
  await expect(store.database().close()).rejects.toThrow('not open');
  await store.edit({ viewMode: 'graph' });
  expect(store.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(store.unsent().length).toBe(2);
  await store.close(false);
  expect((await openLocalStore(memory)).visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
});

test('an edit that cannot be stored changes nothing, and keeps the edit before it', async () => {
  const memory = createFakeBrowser();
  let isFull = false;
  const store = await openLocalStore({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      const put = database.put.bind(database);
      database.put = (document: StoredBody) =>
        isFull ? Promise.reject(new Error('QuotaExceededError')) : put(document);
      return database;
    },
  });
  await store.edit({ theme: 'dark' });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  isFull = true;
  await expect(store.edit({ theme: 'light', viewMode: 'graph' })).rejects.toThrow('no space left');
  isFull = false;
  expect(store.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'kanban' });
  await store.refresh();
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark' } }]);
  expect(store.unsent().length).toBe(1);
});

test('while the database does not respond, what was read last is still shown and can be edited', async () => {
  const browser = createFakeBrowser();
  const other = createFakeBrowser();
  let isHung = false;
  const hang = <T>(task: () => T): T | Promise<never> => (isHung ? new Promise(() => undefined) : task());
  const store = await openLocalStore(
    {
      ...browser,
      openDatabase: (name) => {
        const database = browser.openDatabase(name);
        const get = database.get.bind(database) as (...args: unknown[]) => unknown;
        const info = database.info.bind(database);
        return Object.assign(database, {
          get: (...args: unknown[]) => hang(() => get(...args)),
          info: () => hang(() => info()),
        });
      },
    },
    { openReplacement: other.openDatabase, platformTiming: { responseMs: 500, retryMs: 60_000 } },
  );
  await storeLeaves(store.database(), [
    { ...SERVER_DOCUMENT, preferences: { theme: 'dark' }, edits: { theme: '2026-11-22T09:00:00.000Z-0000-w0000' } },
  ]);
  await store.refresh();
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(store.unsent()).toEqual([]);

  isHung = true;
  await store.edit({ viewMode: 'graph' });
  expect(store.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  isHung = false;
});

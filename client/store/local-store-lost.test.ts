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

/** What a browser may do to what is stored: throw it away, break off, have no room; and what a repair does to it. */

test('replacing the database keeps what was unsent as suspects, still shown, and the server’s document below', async () => {
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

test('an edit that is in the replaced document is kept, though what was noted of it is gone', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  clearUserData(memory.storage, 'pouchgate_alice');
  await store.replace([SERVER_DOCUMENT]);
  expect(suspectKeys(store)).toEqual(['theme']);
  expect(store.visiblePreferences()['theme']).toBe('dark');
});

test('what a replacement was carrying over when it was cut off is there at the next start', async () => {
  const memory = createFakeBrowser();
  let cutOff: () => void = () => undefined;
  const emptied = new Promise<void>((resolve) => {
    cutOff = resolve;
  });
  let letGo: (reason: Error) => void = () => undefined;
  let opened = 0;
  const store = await openLocalStore({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      opened += 1;
      // The tab is closed when the old database is gone and nothing is in the new one.
      if (opened > 1) {
        database.bulkDocs = () => {
          cutOff();
          return new Promise((_resolve, reject) => {
            letGo = reject;
          });
        };
      }
      return database;
    },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const replacing = store.replace([SERVER_DOCUMENT]);
  await emptied;
  const after = await openLocalStore(memory);
  expect((await after.database().allDocs()).rows).toEqual([]);
  expect(after.visiblePreferences()['theme']).toBe('dark');
  expect(after.unsent().length).toBe(1);
  expect(suspectKeys(after)).toEqual(['theme']);
  // Nothing of it outlives the test.
  const ended = store.close(false);
  letGo(new Error('cut off'));
  await expect(replacing).rejects.toThrow('cut off');
  await ended;
});

test('what was being stored when the page was left is there at the next start, though the browser broke off storing it', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore({ ...memory, openDatabase: createFakeBrowser().openDatabase });
  const storing = Promise.all([store.edit({ theme: 'light' }), store.edit({ viewMode: 'graph', theme: 'dark' })]);
  // A database in which nothing of it has arrived; and what was kept beside it in that moment.
  const after = await openLocalStore({ ...memory, storage: { ...memory.storage } });
  expect(after.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(after.unsent()).toHaveLength(2);
  await storing;
});

test('and when it was stored all the same, it is one edit, which a later one takes the place of', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ recapTime: '19:30' });
  const storing = store.edit({ theme: 'dark' });
  const storage = { ...memory.storage };
  await storing;
  await store.edit({ theme: 'light' });
  const after = await openLocalStore({ ...memory, storage });
  expect(after.visiblePreferences()).toMatchObject({ theme: 'light', recapTime: '19:30' });
  expect(supersededEdits).toEqual([]);
});

test('where there is no room beside the database an edit is told, and all else works', async () => {
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

test('a leaf that cannot be read is no sign that there is none: what was shown stays', async () => {
  const memory = createFakeBrowser();
  let isClosing = false;
  const store = await openLocalStore({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      const get = database.get.bind(database) as (...args: unknown[]) => Promise<unknown>;
      // What PouchDB says when a database is closed between its two reads: of the revisions there are, and of each.
      // With a callback it calls itself.
      const broken = (...args: unknown[]): Promise<unknown> =>
        isClosing && args.length === 2 ? Promise.resolve([{ missing: ROOT_REVISION }]) : get(...args);
      // In memory, closing one handle closes the database under the other.
      return Object.assign(database, { get: broken, close: () => Promise.resolve() });
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

test('destroying leaves nothing behind, when what was kept beside it is forgotten too', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await store.edit({ theme: 'dark' });
  await store.close(true);
  clearUserData(memory.storage, 'pouchgate_alice');
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('closed');
  const again = await openLocalStore(memory);
  expect(again.visiblePreferences()['theme']).toBe('system');
  expect(again.unsent().length).toBe(0);
});

test('a database that the browser threw away is opened anew, and what was unsent is put into the new one', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await memory.openDatabase('pouchgate_alice').destroy();
  // A browser closes the connections of what it throws away; the memory adapter has to be told.
  await expect(store.database().close()).rejects.toThrow('not open');
  await store.edit({ viewMode: 'graph' });
  expect(store.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(store.unsent().length).toBe(2);
  await store.close(false);
  expect((await openLocalStore(memory)).visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
});

test('an edit that cannot be stored is as if it had not been made, and what it was to replace is there', async () => {
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

import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { applyEdit } from '../../couchdb-design/merge.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/username.ts';
import { preferencesStandard } from '../../couchdb-design/check-preferences.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/preference-rules.ts';
import type { Database, OpenDatabase, StoredBody } from '../platform/database.ts';
import { defaultEnvironment, type Environment } from '../platform/environment.ts';
import { forget } from '../platform/leftovers.ts';
import { createLocalStore, type LocalStore } from './local-store.ts';
import type { SupersededEdit } from './superseded.ts';
import { storeLeaves as storeIn } from './replica.ts';
import { shapeOf } from './shape.ts';

PouchDB.plugin(memoryAdapter);

const alice = parseUsername('alice') as Username;
const id = userDocumentId(alice);
const blank = newUserDocument(alice, new Date('2026-11-22T09:00:00.000Z'));
const ROOT = `1-${'a'.repeat(32)}`;
const SERVER_DOCUMENT = { ...blank, _rev: ROOT };

const shape = shapeOf(preferencesStandard);
const superseded: SupersededEdit[] = [];
const storeLeaves = (database: Database, leaves: readonly object[]): Promise<unknown> =>
  storeIn({ database, id }, leaves);

interface Browser {
  readonly openDatabase: OpenDatabase;
  readonly storage: Environment['storage'];
}
let devices = 0;
/** The memory of one browser: what is opened twice by one name is the same database. */
const browser = (): Browser => {
  const prefix = `browser-${(devices += 1)}-`;
  return {
    openDatabase: (name) => new PouchDB<StoredBody>(prefix + name, { adapter: 'memory', auto_compaction: true }),
    storage: {},
  };
};

const stores: LocalStore[] = [];
async function open({ openDatabase, storage }: Browser): Promise<LocalStore> {
  const store = createLocalStore({
    id: userDocumentId(alice),
    name: 'pouchgate_alice',
    shape,
    defaults: DEFAULT_PREFERENCES,
    openDatabase,
    environment: { ...defaultEnvironment(), storage },
    onNoted: () => undefined,
    onReplaced: () => undefined,
    onSuperseded: (edit) => superseded.push(edit),
  });
  stores.push(store);
  await store.ready;
  return store;
}
afterEach(() => Promise.all(stores.splice(0).map((store) => store.end(false))));

const until = async (store: LocalStore, holds: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(check);
    check();
  });

const suspectsIn = (store: LocalStore): string[] =>
  store.unsent().flatMap(({ key, isSuspect }) => (isSuspect ? [key] : []));

const leavesOf = async (database: Database): Promise<readonly StoredBody[]> => {
  const rows: readonly { ok?: StoredBody }[] = await database.get(id, { open_revs: 'all' });
  return rows.flatMap(({ ok }) => (ok === undefined || ok['_deleted'] === true ? [] : [ok]));
};

test('an edit is shown at once and stored when set resolves', async () => {
  const memory = browser();
  const store = await open(memory);
  const storing = store.edit({ theme: 'dark' });
  expect(store.shown()['theme']).toBe('dark');
  expect(store.unsent().length).toBe(1);
  await storing;
  await store.end(false);
  expect((await open(memory)).shown()['theme']).toBe('dark');
});

test('before the first pull nothing is written that could be replicated; after it the draft is one revision on top', async () => {
  const store = await open(browser());
  await store.edit({ theme: 'dark' });
  await store.edit({ viewMode: 'graph' });
  expect((await store.database().allDocs()).rows).toEqual([]);
  expect(store.unsent().length).toBe(2);

  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.refresh();
  const [leaf, ...others] = await leavesOf(store.database());
  expect(others).toEqual([]);
  expect(leaf).toMatchObject({ preferences: { theme: 'dark', viewMode: 'graph' } });
  expect(leaf?.['_rev']).toMatch(/^2-/);
  expect(store.unsent().length).toBe(2);
});

test('a patch is one revision, whatever it names', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark', viewMode: 'table', dailyBriefing: true });
  expect((await leavesOf(store.database())).map(({ _rev }) => String(_rev).split('-')[0])).toEqual(['2']);
});

test('edits that are made at once all stay', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await Promise.all([
    store.edit({ theme: 'light' }),
    store.edit({ viewMode: 'table' }),
    store.edit({ theme: 'dark' }),
    store.edit({ recapTime: '19:30' }),
  ]);
  expect(store.shown()).toMatchObject({ theme: 'dark', viewMode: 'table', recapTime: '19:30' });
  expect(await leavesOf(store.database())).toHaveLength(1);
});

test('two handles on one database, as two tabs have, see each other and lose nothing', async () => {
  const memory = browser();
  const [left, right] = [await open(memory), await open(memory)];
  await storeLeaves(left.database(), [SERVER_DOCUMENT]);
  await Promise.all([left.edit({ theme: 'dark' }), right.edit({ viewMode: 'graph' })]);
  for (const store of [left, right]) {
    await until(store, () => store.shown()['theme'] === 'dark' && store.shown()['viewMode'] === 'graph');
  }
  expect(await leavesOf(left.database())).toHaveLength(1);
});

test('a conflict is shown merged, and settled into one leaf that holds both edits', async () => {
  const store = await open(browser());
  const left = applyEdit(blank, { theme: 'dark' }, '2026-11-22T10:00:00.000Z-0000-aaaaa');
  const right = applyEdit(blank, { viewMode: 'graph' }, '2026-11-22T10:00:01.000Z-0000-bbbbb');
  const child = (document: object, letter: string) => ({
    ...document,
    _rev: `2-${letter.repeat(32)}`,
    _revisions: { start: 2, ids: [letter.repeat(32), 'a'.repeat(32)] },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT, child(left, 'b'), child(right, 'c')]);
  await until(store, () => store.shown()['theme'] === 'dark' && store.shown()['viewMode'] === 'graph');
  await store.refresh();
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'graph' } }]);
});

test('an edit wins over what it was made on, even when that was stamped by a clock that is ahead', async () => {
  const store = await open(browser());
  const ahead = applyEdit(blank, { theme: 'light' }, '2999-01-01T00:00:00.000Z-0000-zzzzz');
  await storeLeaves(store.database(), [{ ...ahead, _rev: ROOT }]);
  await until(store, () => store.shown()['theme'] === 'light');
  await store.edit({ theme: 'dark' });
  expect(store.shown()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark' } }]);
});

test('a document of a newer version is not written on: the edit waits in the draft', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [{ ...SERVER_DOCUMENT, version: 2 }]);
  await store.edit({ theme: 'dark' });
  expect(store.shown()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT, version: 2 }]);
  expect(store.unsent().length).toBe(1);
});

test('a value that is not allowed is refused in a sentence, and changes nothing that is shown', async () => {
  const store = await open(browser());
  const before = store.shown();
  await expect(store.edit({ briefingTime: '25:00' })).rejects.toThrow('must be a time');
  expect(store.shown()).toBe(before);
});

test('the number of unsent edits is true after a reload', async () => {
  const memory = browser();
  const store = await open(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const [leaf] = await leavesOf(store.database());
  expect(store.learn([String(leaf?.['_rev'])])).toBe(true);
  expect(store.unsent().length).toBe(0);
  await store.edit({ viewMode: 'graph' });
  await store.end(false);
  expect((await open(memory)).unsent().length).toBe(1);
});

test('replacing the database keeps what was unsent as suspects, still shown, and the server’s document below', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await store.replace([SERVER_DOCUMENT]);
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT }]);
  expect(suspectsIn(store)).toEqual(['theme']);
  expect(store.shown()['theme']).toBe('dark');
  store.drop(store.unsent()[0] ?? { key: '', value: null, stamp: '' });
  expect(store.shown()['theme']).toBe('system');
});

test('an edit that is in the replaced document is kept, though what was noted of it is gone', async () => {
  const memory = browser();
  const store = await open(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  forget(memory.storage, 'pouchgate_alice');
  await store.replace([SERVER_DOCUMENT]);
  expect(suspectsIn(store)).toEqual(['theme']);
  expect(store.shown()['theme']).toBe('dark');
});

test('what a replacement was carrying over when it was cut off is there at the next start', async () => {
  const memory = browser();
  let cutOff: () => void = () => undefined;
  const emptied = new Promise<void>((resolve) => {
    cutOff = resolve;
  });
  let letGo: (reason: Error) => void = () => undefined;
  let opened = 0;
  const store = await open({
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
  const after = await open(memory);
  expect((await after.database().allDocs()).rows).toEqual([]);
  expect(after.shown()['theme']).toBe('dark');
  expect(after.unsent().length).toBe(1);
  expect(suspectsIn(after)).toEqual(['theme']);
  // Nothing of it outlives the test.
  const ended = store.end(false);
  letGo(new Error('cut off'));
  await expect(replacing).rejects.toThrow('cut off');
  await ended;
});

test('what was being stored when the page was left is there at the next start, though the browser broke off storing it', async () => {
  const memory = browser();
  const store = await open({ ...memory, openDatabase: browser().openDatabase });
  const storing = Promise.all([store.edit({ theme: 'light' }), store.edit({ viewMode: 'graph', theme: 'dark' })]);
  // A database in which nothing of it has arrived; and what was kept beside it in that moment.
  const after = await open({ ...memory, storage: { ...memory.storage } });
  expect(after.shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(after.unsent()).toHaveLength(2);
  await storing;
});

test('and when it was stored all the same, it is one edit, which a later one takes the place of', async () => {
  const memory = browser();
  const store = await open(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ recapTime: '19:30' });
  const storing = store.edit({ theme: 'dark' });
  const storage = { ...memory.storage };
  await storing;
  await store.edit({ theme: 'light' });
  const after = await open({ ...memory, storage });
  expect(after.shown()).toMatchObject({ theme: 'light', recapTime: '19:30' });
  expect(superseded).toEqual([]);
});

test('where there is no room beside the database an edit is told, and all else works', async () => {
  const memory = browser();
  const first = await open(memory);
  await storeLeaves(first.database(), [SERVER_DOCUMENT]);
  await first.edit({ theme: 'dark' });
  const storage = new Proxy(memory.storage, {
    set: () => {
      throw new DOMException('No.', 'QuotaExceededError');
    },
  });
  const store = await open({ ...memory, storage });
  expect(store.shown()['theme']).toBe('dark');
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('could not store the change');
  expect(store.shown()['theme']).toBe('dark');
});

test('a leaf that cannot be read is no sign that there is none: what was shown stays', async () => {
  const memory = browser();
  let isClosing = false;
  const store = await open({
    ...memory,
    openDatabase: (name) => {
      const database = memory.openDatabase(name);
      const get = database.get.bind(database) as (...args: unknown[]) => Promise<unknown>;
      // What PouchDB says when a database is closed between its two reads: of the revisions there are, and of each.
      // With a callback it calls itself.
      const broken = (...args: unknown[]): Promise<unknown> =>
        isClosing && args.length === 2 ? Promise.resolve([{ missing: ROOT }]) : get(...args);
      // In memory, closing one handle closes the database under the other.
      return Object.assign(database, { get: broken, close: () => Promise.resolve() });
    },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const shown: unknown[] = [];
  store.subscribe(() => shown.push(store.shown()['theme']));
  isClosing = true;
  await expect(store.refresh()).rejects.toThrow('cannot be read');
  isClosing = false;
  await store.refresh();
  expect([...new Set(shown)]).toEqual(['dark']);
});

test('destroying leaves nothing behind, when what was kept beside it is forgotten too', async () => {
  const memory = browser();
  const store = await open(memory);
  await store.edit({ theme: 'dark' });
  await store.end(true);
  forget(memory.storage, 'pouchgate_alice');
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('closed');
  const again = await open(memory);
  expect(again.shown()['theme']).toBe('system');
  expect(again.unsent().length).toBe(0);
});

test('what a newer application stored is kept through edits and conflicts, and not shown', async () => {
  const store = await open(browser());
  const stamp = '2026-11-22T09:00:00.000Z-0000-zzzzz';
  const newer = {
    ...SERVER_DOCUMENT,
    preferences: { density: 'cosy', theme: 'sepia' },
    edits: { density: stamp, theme: stamp },
  };
  await storeLeaves(store.database(), [newer]);
  await store.refresh();
  expect(store.shown()).toEqual(DEFAULT_PREFERENCES);
  await store.edit({ viewMode: 'graph' });
  expect(await leavesOf(store.database())).toMatchObject([
    { preferences: { density: 'cosy', theme: 'sepia', viewMode: 'graph' }, edits: { density: stamp, theme: stamp } },
  ]);
  expect(store.unsent().length).toBe(1);
  await store.replace([newer]);
  expect(store.unsent().length).toBe(1);
  expect(store.shown()).toEqual({ ...DEFAULT_PREFERENCES, viewMode: 'graph' });
});

test('values that did not change stay the same objects, so that nothing is drawn again', async () => {
  const store = await open(browser());
  await store.edit({ selectedTags: ['a'], theme: 'dark' });
  const before = store.shown();
  await store.edit({ theme: 'light' });
  expect(store.shown()).not.toBe(before);
  expect(store.shown()['selectedTags']).toBe(before['selectedTags']);
  await store.edit({ theme: 'light' });
  await store.refresh();
  expect(store.shown()['selectedTags']).toBe(before['selectedTags']);
});

test('edits that are made while another is being stored become one revision', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await Promise.all(Array.from({ length: 50 }, (_, n) => store.edit({ selectedTags: [String(n)] })));
  const [leaf] = await leavesOf(store.database());
  expect(leaf).toMatchObject({ preferences: { selectedTags: ['49'] } });
  expect(Number(String(leaf?.['_rev']).split('-')[0])).toBeLessThan(5);
});

test('a database that the browser threw away is opened anew, and what was unsent is put into the new one', async () => {
  const memory = browser();
  const store = await open(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await memory.openDatabase('pouchgate_alice').destroy();
  // A browser closes the connections of what it throws away; the memory adapter has to be told.
  await expect(store.database().close()).rejects.toThrow('not open');
  await store.edit({ viewMode: 'graph' });
  expect(store.shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(store.unsent().length).toBe(2);
  await store.end(false);
  expect((await open(memory)).shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
});

test('an edit that cannot be stored is as if it had not been made, and what it was to replace is there', async () => {
  const memory = browser();
  let isFull = false;
  const store = await open({
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
  await expect(store.edit({ theme: 'light', viewMode: 'graph' })).rejects.toThrow('no room left');
  isFull = false;
  expect(store.shown()).toMatchObject({ theme: 'dark', viewMode: 'kanban' });
  await store.refresh();
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark' } }]);
  expect(store.unsent().length).toBe(1);
});

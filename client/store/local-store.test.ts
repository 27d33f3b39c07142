import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { applyEdit } from '../../couchdb-design/merge.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/username.ts';
import { preferencesStandard } from '../../couchdb-design/check-preferences.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/preference-rules.ts';
import type { Database, OpenDatabase, StoredBody } from '../platform/database.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { createLocalStore, type LocalStore } from './local-store.ts';
import type { SupersededEdit } from './at-risk.ts';
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
  storeIn({ database, id, shape }, leaves);

let devices = 0;
/** The memory of one browser: what is opened twice by one name is the same database. */
const browser = (): OpenDatabase => {
  const prefix = `browser-${(devices += 1)}-`;
  return (name) => new PouchDB<StoredBody>(prefix + name, { adapter: 'memory', auto_compaction: true });
};

const stores: LocalStore[] = [];
async function open(openDatabase: OpenDatabase, environment = defaultEnvironment()): Promise<LocalStore> {
  const store = createLocalStore({
    id: userDocumentId(alice),
    username: alice,
    name: 'pouchgate_alice',
    shape,
    defaults: DEFAULT_PREFERENCES,
    openDatabase,
    environment,
    onNoted: () => undefined,
    onReplaced: () => undefined,
    onSuperseded: (edit) => superseded.push(edit),
  });
  stores.push(store);
  await store.ready;
  return store;
}
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

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

const leavesOf = async (database: Database): Promise<readonly StoredBody[]> => {
  const rows: readonly { ok?: StoredBody }[] = await database.get(id, { open_revs: 'all' });
  return rows.flatMap(({ ok }) => (ok === undefined || ok['_deleted'] === true ? [] : [ok]));
};

test('an edit is shown at once and stored when set resolves', async () => {
  const memory = browser();
  const store = await open(memory);
  const storing = store.edit({ theme: 'dark' });
  expect(store.shown()['theme']).toBe('dark');
  expect(store.unsentCount()).toBe(1);
  await storing;
  await store.close();
  expect((await open(memory)).shown()['theme']).toBe('dark');
});

test('before the first pull nothing is written that could be replicated; after it the draft is one revision on top', async () => {
  const store = await open(browser());
  await store.edit({ theme: 'dark' });
  await store.edit({ viewMode: 'graph' });
  expect((await store.database().allDocs()).rows).toEqual([]);
  expect(store.unsentCount()).toBe(2);

  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await until(store, () => store.needsSettling());
  await store.settle();
  const [leaf, ...others] = await leavesOf(store.database());
  expect(others).toEqual([]);
  expect(leaf).toMatchObject({ preferences: { theme: 'dark', viewMode: 'graph' } });
  expect(leaf?.['_rev']).toMatch(/^2-/);
  expect(store.needsSettling()).toBe(false);
  expect(store.unsentCount()).toBe(2);
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
  expect(store.needsSettling()).toBe(true);
  await store.settle();
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'graph' } }]);
});

test('an edit wins over what it was made on, even when that was stamped by a clock that is ahead', async () => {
  const store = await open(browser());
  const ahead = applyEdit(blank, { theme: 'light' }, '2999-01-01T00:00:00.000Z-0000-zzzzz');
  await storeLeaves(store.database(), [{ ...ahead, _rev: ROOT }]);
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
  expect(store.unsentCount()).toBe(1);
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
  expect(await store.learn(new Set([String(leaf?.['_rev'])]))).toBe(true);
  expect(store.unsentCount()).toBe(0);
  await store.edit({ viewMode: 'graph' });
  await store.close();
  expect((await open(memory)).unsentCount()).toBe(1);
});

test('replacing the database keeps what was unsent as suspects, still shown, and the server’s document below', async () => {
  const store = await open(browser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  await store.replace([SERVER_DOCUMENT]);
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT }]);
  expect(store.suspects().map(({ key }) => key)).toEqual(['theme']);
  expect(store.shown()['theme']).toBe('dark');
  await store.dropSuspect(store.suspects()[0] ?? { key: '', value: null, stamp: '' });
  expect(store.shown()['theme']).toBe('system');
});

test('what a replacement was carrying over when it was cut off is there at the next start', async () => {
  const environment = defaultEnvironment();
  const stamp = '2026-11-22T10:00:00.000Z-0000-aaaaa';
  environment.storage.setItem('pouchgate_alice:carry', JSON.stringify([{ key: 'theme', value: 'dark', stamp }]));
  const store = await open(browser(), environment);
  expect(store.shown()['theme']).toBe('dark');
  expect(store.unsentCount()).toBe(1);
  expect(environment.storage.getItem('pouchgate_alice:carry')).toBeNull();
});

/** A page that can be left, and what outlives it. */
function page() {
  const environment = { ...defaultEnvironment() };
  let leave = (): void => undefined;
  return {
    environment: {
      ...environment,
      onLeave: (left: () => void) => {
        leave = left;
        return () => {
          leave = () => undefined;
        };
      },
    },
    leave: () => leave(),
    carried: () => environment.storage.getItem('pouchgate_alice:carry'),
  };
}

test('what was being stored when the page was left is there at the next start, though the browser broke off storing it', async () => {
  const { environment, leave } = page();
  const store = await open(browser(), environment);
  const storing = Promise.all([store.edit({ theme: 'light' }), store.edit({ viewMode: 'graph', theme: 'dark' })]);
  leave();
  // A database in which nothing of it has arrived.
  const after = await open(browser(), environment);
  expect(after.shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(after.unsentCount()).toBe(2);
  await storing;
});

test('and when it was stored all the same, it is one edit, which a later one takes the place of', async () => {
  const { environment, leave } = page();
  const memory = browser();
  const store = await open(memory, environment);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ recapTime: '19:30' });
  const storing = store.edit({ theme: 'dark' });
  leave();
  await storing;
  await store.edit({ theme: 'light' });
  const after = await open(memory, environment);
  expect(after.shown()).toMatchObject({ theme: 'light', recapTime: '19:30' });
  expect(after.unsentCount()).toBe(2);
  expect(superseded).toEqual([]);
});

test('a page that is left with all stored, or after a sign-out, notes nothing', async () => {
  const { environment, leave, carried } = page();
  const store = await open(browser(), environment);
  await store.edit({ theme: 'dark' });
  leave();
  expect(carried()).toBeNull();
  const storing = store.edit({ theme: 'light' });
  await Promise.all([storing.catch(() => undefined), store.destroy()]);
  leave();
  expect(carried()).toBeNull();
});

test('destroying leaves nothing behind', async () => {
  const memory = browser();
  const store = await open(memory);
  await store.edit({ theme: 'dark' });
  await store.destroy();
  await expect(store.edit({ theme: 'light' })).rejects.toThrow('signed out');
  const again = await open(memory);
  expect(again.shown()['theme']).toBe('system');
  expect(again.unsentCount()).toBe(0);
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
  const unsent = store.unsentCount();
  await store.replace([newer]);
  expect(store.unsentCount()).toBe(unsent - 2);
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
  await memory('pouchgate_alice').destroy();
  // A browser closes the connections of what it throws away; the memory adapter has to be told.
  await expect(store.database().close()).rejects.toThrow('not open');
  await store.edit({ viewMode: 'graph' });
  expect(store.shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(store.unsentCount()).toBe(2);
  await store.close();
  expect((await open(memory)).shown()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
});

test('tabs that cannot wait for each other make stamps of their own', async () => {
  const environment = defaultEnvironment();
  const memory = browser();
  const devices = [await open(memory, environment), await open(memory, environment)];
  const [left, right] = await Promise.all(devices.map((store) => store.inspect()));
  expect(left?.device).not.toBe(right?.device);
});

import type { StandardSchemaV1 } from '@standard-schema/spec';
import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/default-preferences.ts';
import {
  emptyDocument,
  createFakeBrowser,
  leavesOf,
  openLocalStore,
  ROOT_REVISION,
  SERVER_DOCUMENT,
  storeLeaves,
  waitUntil,
} from '../testing/local-store.ts';

/** Accepts every value. */
const anySchema: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};

test('an edit is shown at once, and stored when edit resolves', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  const edit = store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(store.unsent().length).toBe(1);
  await edit;
  await store.close(false);
  expect((await openLocalStore(memory)).visiblePreferences()['theme']).toBe('dark');
});

test('before the first pull no revision is written; after it all pending edits are one child revision', async () => {
  const store = await openLocalStore(createFakeBrowser());
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

test('a patch of several preferences is one revision', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark', viewMode: 'table', dailyBriefing: true });
  expect((await leavesOf(store.database())).map(({ _rev }) => String(_rev).split('-')[0])).toEqual(['2']);
});

test('concurrent edits are all kept', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await Promise.all([
    store.edit({ theme: 'light' }),
    store.edit({ viewMode: 'table' }),
    store.edit({ theme: 'dark' }),
    store.edit({ recapTime: '19:30' }),
  ]);
  expect(store.visiblePreferences()).toMatchObject({ theme: 'dark', viewMode: 'table', recapTime: '19:30' });
  expect(await leavesOf(store.database())).toHaveLength(1);
});

test('two stores of one database, as in two tabs, see each other’s edits and lose none', async () => {
  const memory = createFakeBrowser();
  const [left, right] = [await openLocalStore(memory), await openLocalStore(memory)];
  await storeLeaves(left.database(), [SERVER_DOCUMENT]);
  await Promise.all([left.edit({ theme: 'dark' }), right.edit({ viewMode: 'graph' })]);
  for (const store of [left, right]) {
    await waitUntil(
      store,
      () => store.visiblePreferences()['theme'] === 'dark' && store.visiblePreferences()['viewMode'] === 'graph',
    );
  }
  expect(await leavesOf(left.database())).toHaveLength(1);
});

test('a conflict is shown merged, and resolved into one leaf with both edits', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const left = applyEdit(emptyDocument, { theme: 'dark' }, '2026-11-22T10:00:00.000Z-0000-aaaaa');
  const right = applyEdit(emptyDocument, { viewMode: 'graph' }, '2026-11-22T10:00:01.000Z-0000-bbbbb');
  const child = (document: object, letter: string) => ({
    ...document,
    _rev: `2-${letter.repeat(32)}`,
    _revisions: { start: 2, ids: [letter.repeat(32), 'a'.repeat(32)] },
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT, child(left, 'b'), child(right, 'c')]);
  await waitUntil(
    store,
    () => store.visiblePreferences()['theme'] === 'dark' && store.visiblePreferences()['viewMode'] === 'graph',
  );
  await store.refresh();
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'graph' } }]);
});

test('an edit replaces a value whose stamp is from a clock that is ahead', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const ahead = applyEdit(emptyDocument, { theme: 'light' }, '2999-01-01T00:00:00.000Z-0000-zzzzz');
  await storeLeaves(store.database(), [{ ...ahead, _rev: ROOT_REVISION }]);
  await waitUntil(store, () => store.visiblePreferences()['theme'] === 'light');
  await store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark' } }]);
});

test('a document of a newer version is not written: the edit stays pending', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [{ ...SERVER_DOCUMENT, version: 2 }]);
  await store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT_REVISION, version: 2 }]);
  expect(store.unsent().length).toBe(1);
});

test('an invalid value rejects with its reason and changes nothing', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const before = store.visiblePreferences();
  await expect(store.edit({ briefingTime: '25:00' })).rejects.toThrow('must be a time');
  expect(store.visiblePreferences()).toBe(before);
});

test('the number of unsent edits is correct after a reload', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const [leaf] = await leavesOf(store.database());
  expect(store.acknowledge([String(leaf?.['_rev'])])).toBe(true);
  expect(store.unsent().length).toBe(0);
  await store.edit({ viewMode: 'graph' });
  await store.close(false);
  expect((await openLocalStore(memory)).unsent().length).toBe(1);
});

test('in sync are a replica with all leaves of the server, and a server with all its live ones', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark' });
  const [leaf] = await leavesOf(store.database());
  const edited = String(leaf?.['_rev']);
  // The server has merged the edit into another revision.
  const merged = `3-${'d'.repeat(32)}`;
  expect(store.acknowledge([merged])).toBe(false);
  const ids = ['d', 'c', 'a'].map((digit) => digit.repeat(32));
  await storeLeaves(store.database(), [{ ...leaf, _rev: merged, _revisions: { start: 3, ids } }]);
  await store.refresh();
  // The edit's own revision is deleted here, which the server does not store.
  const { leaves } = await store.inspect();
  expect(leaves.map(({ _deleted = false }) => _deleted).sort()).toEqual([false, true]);
  expect(store.unsent()).toHaveLength(1);
  expect(store.acknowledge([edited])).toBe(false);
  expect(store.acknowledge([merged, `9-${'9'.repeat(32)}`])).toBe(false);
  expect(store.acknowledge([])).toBe(false);
  expect(store.acknowledge([merged])).toBe(true);
  expect(store.unsent()).toEqual([]);
});

test('a replica with 17 more leaves than the server is replaced, unless something is unsent', async () => {
  // With compaction, the memory adapter's feed may read a revision that is just being removed.
  const store = await openLocalStore(createFakeBrowser(false));
  const tombstones = Array.from({ length: 17 }, (_, n) => {
    const id = n.toString(16).padStart(32, '0');
    return {
      _id: SERVER_DOCUMENT._id,
      _deleted: true,
      _rev: `2-${id}`,
      _revisions: { start: 2, ids: [id, 'e'.repeat(32)] },
    };
  });
  await storeLeaves(store.database(), [SERVER_DOCUMENT, ...tombstones.slice(1)]);
  await store.refresh();
  expect(store.hasExcessLeaves([ROOT_REVISION])).toBe(false);
  await storeLeaves(store.database(), tombstones.slice(0, 1));
  await store.refresh();
  expect(store.hasExcessLeaves([ROOT_REVISION])).toBe(true);
  expect(store.hasExcessLeaves([ROOT_REVISION, ...tombstones.map(({ _rev }) => _rev)])).toBe(false);
  await store.edit({ theme: 'dark' });
  expect(store.hasExcessLeaves([ROOT_REVISION])).toBe(false);
});

test('unknown preferences of a newer application are kept and not shown', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const stamp = '2026-11-22T09:00:00.000Z-0000-zzzzz';
  const newer = {
    ...SERVER_DOCUMENT,
    preferences: { density: 'cosy', theme: 'sepia' },
    edits: { density: stamp, theme: stamp },
  };
  await storeLeaves(store.database(), [newer]);
  await store.refresh();
  expect(store.visiblePreferences()).toEqual(DEFAULT_PREFERENCES);
  await store.edit({ viewMode: 'graph' });
  expect(await leavesOf(store.database())).toMatchObject([
    { preferences: { density: 'cosy', theme: 'sepia', viewMode: 'graph' }, edits: { density: stamp, theme: stamp } },
  ]);
  expect(store.unsent().length).toBe(1);
  await store.replace([newer]);
  expect(store.unsent().length).toBe(1);
  expect(store.visiblePreferences()).toEqual({ ...DEFAULT_PREFERENCES, viewMode: 'graph' });
});

test('unchanged values stay the same objects, so that they do not render again', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await store.edit({ selectedTags: ['a'], theme: 'dark' });
  const before = store.visiblePreferences();
  await store.edit({ theme: 'light' });
  expect(store.visiblePreferences()).not.toBe(before);
  expect(store.visiblePreferences()['selectedTags']).toBe(before['selectedTags']);
  await store.edit({ theme: 'light' });
  await store.refresh();
  expect(store.visiblePreferences()['selectedTags']).toBe(before['selectedTags']);
});

test('edits made while another is being stored become one revision', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await Promise.all(Array.from({ length: 50 }, (_, n) => store.edit({ selectedTags: [String(n)] })));
  const [leaf] = await leavesOf(store.database());
  expect(leaf).toMatchObject({ preferences: { selectedTags: ['49'] } });
  expect(Number(String(leaf?.['_rev']).split('-')[0])).toBeLessThan(5);
});

test('a document that would be too large is not stored, and the reason names the limit', async () => {
  const store = await openLocalStore(createFakeBrowser(), { schema: anySchema });
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ note: 'x'.repeat(60_000) });
  const before = store.visiblePreferences();
  await expect(store.edit({ other: 'x'.repeat(6_000) })).rejects.toThrow(RangeError);
  await expect(store.edit({ other: '\ud800' })).rejects.toThrow('unpaired surrogate');
  expect(store.visiblePreferences()).toBe(before);
  expect(store.unsent().map(({ key }) => key)).toEqual(['note']);
  await store.edit({ note: 'short', other: 'x'.repeat(60_000) });
});

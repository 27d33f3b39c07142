import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/preference-rules.ts';
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

test('an edit is shown at once and stored when set resolves', async () => {
  const memory = createFakeBrowser();
  const store = await openLocalStore(memory);
  const storing = store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(store.unsent().length).toBe(1);
  await storing;
  await store.close(false);
  expect((await openLocalStore(memory)).visiblePreferences()['theme']).toBe('dark');
});

test('before the first pull nothing is written that could be replicated; after it the draft is one revision on top', async () => {
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

test('a patch is one revision, whatever it names', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await store.edit({ theme: 'dark', viewMode: 'table', dailyBriefing: true });
  expect((await leavesOf(store.database())).map(({ _rev }) => String(_rev).split('-')[0])).toEqual(['2']);
});

test('edits that are made at once all stay', async () => {
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

test('two handles on one database, as two tabs have, see each other and lose nothing', async () => {
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

test('a conflict is shown merged, and settled into one leaf that holds both edits', async () => {
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

test('an edit wins over what it was made on, even when that was stamped by a clock that is ahead', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const ahead = applyEdit(emptyDocument, { theme: 'light' }, '2999-01-01T00:00:00.000Z-0000-zzzzz');
  await storeLeaves(store.database(), [{ ...ahead, _rev: ROOT_REVISION }]);
  await waitUntil(store, () => store.visiblePreferences()['theme'] === 'light');
  await store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: 'dark' } }]);
});

test('a document of a newer version is not written on: the edit waits in the draft', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [{ ...SERVER_DOCUMENT, version: 2 }]);
  await store.edit({ theme: 'dark' });
  expect(store.visiblePreferences()['theme']).toBe('dark');
  expect(await leavesOf(store.database())).toMatchObject([{ _rev: ROOT_REVISION, version: 2 }]);
  expect(store.unsent().length).toBe(1);
});

test('a value that is not allowed is refused in a sentence, and changes nothing that is shown', async () => {
  const store = await openLocalStore(createFakeBrowser());
  const before = store.visiblePreferences();
  await expect(store.edit({ briefingTime: '25:00' })).rejects.toThrow('must be a time');
  expect(store.visiblePreferences()).toBe(before);
});

test('the number of unsent edits is true after a reload', async () => {
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

test('what a newer application stored is kept through edits and conflicts, and not shown', async () => {
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

test('values that did not change stay the same objects, so that nothing is drawn again', async () => {
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

test('edits that are made while another is being stored become one revision', async () => {
  const store = await openLocalStore(createFakeBrowser());
  await storeLeaves(store.database(), [SERVER_DOCUMENT]);
  await Promise.all(Array.from({ length: 50 }, (_, n) => store.edit({ selectedTags: [String(n)] })));
  const [leaf] = await leavesOf(store.database());
  expect(leaf).toMatchObject({ preferences: { selectedTags: ['49'] } });
  expect(Number(String(leaf?.['_rev']).split('-')[0])).toBeLessThan(5);
});

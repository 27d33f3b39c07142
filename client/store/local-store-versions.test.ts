import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/default-preferences.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import {
  emptyDocument,
  createFakeBrowser,
  leavesOf,
  openLocalStore,
  SERVER_DOCUMENT,
  storeLeaves,
  waitUntil,
} from '../testing/local-store.ts';

/** Documents of other versions of the application, and edits by a wrong clock. */

describe('an upgrade of the application', () => {
  const stamp = '2026-11-22T09:00:00.000Z-0000-zzzzz';
  const stored = { ...SERVER_DOCUMENT, preferences: { colour: 'dark' }, edits: { colour: stamp } };
  const upgrade = (values: Values): Values => ({ theme: values['colour'], ...values });

  test('shows what an earlier version stored, and stores it with the next edit', async () => {
    const store = await openLocalStore(createFakeBrowser(), { upgrade });
    await storeLeaves(store.database(), [stored]);
    await store.refresh();
    expect(store.visiblePreferences()).toEqual({ ...DEFAULT_PREFERENCES, theme: 'dark' });
    expect(store.unsent()).toEqual([]);
    await store.edit({ viewMode: 'graph' });
    expect(await leavesOf(store.database())).toMatchObject([
      { preferences: { colour: 'dark', theme: 'dark', viewMode: 'graph' }, edits: { colour: stamp, theme: stamp } },
    ]);
  });

  test('shows the last edit of both versions, also while it is unsent', async () => {
    const store = await openLocalStore(createFakeBrowser(), { upgrade });
    await storeLeaves(store.database(), [stored]);
    await store.refresh();
    await store.edit({ theme: 'light' });
    expect(store.visiblePreferences()['theme']).toBe('light');
    const [leaf] = await leavesOf(store.database());
    const later = applyEdit<Values>(
      leaf as unknown as UserDocument<Values>,
      { colour: 'system' },
      '2999-01-01T00:00:00.000Z-0000-zzzzz',
    );
    await store.database().put({ ...later });
    await waitUntil(store, () => store.visiblePreferences()['theme'] === 'system');
  });

  test('that throws changes nothing', async () => {
    const store = await openLocalStore(createFakeBrowser(), {
      upgrade: () => {
        throw new Error('failed');
      },
    });
    await storeLeaves(store.database(), [stored]);
    await store.edit({ theme: 'light' });
    expect(store.visiblePreferences()).toEqual({ ...DEFAULT_PREFERENCES, theme: 'light' });
  });
});

describe('a device whose clock is three days ahead', () => {
  const DAYS_MS = 3 * 86_400_000;
  const NOW = Date.UTC(2026, 10, 22, 9, 30);
  const open = async () => {
    let offset: number | undefined;
    const browser = createFakeBrowser();
    const store = await openLocalStore(browser, {
      environment: { ...defaultEnvironment(), storage: browser.storage, now: () => NOW + DAYS_MS },
      clockOffset: () => offset,
    });
    await storeLeaves(store.database(), [SERVER_DOCUMENT]);
    await store.refresh();
    return { store, learn: (learned: number) => (offset = learned) };
  };

  test('dates unsent edits again when the offset is known: in the document, as a child, and as pending edits', async () => {
    const { store, learn } = await open();
    await store.edit({ theme: 'dark', viewMode: 'graph' });
    await store.correctStamps();
    expect((await leavesOf(store.database()))[0]?.['_rev']).toMatch(/^2-/);
    learn(-DAYS_MS);
    await store.correctStamps();
    const [leaf, ...others] = await leavesOf(store.database());
    expect(others).toEqual([]);
    const corrected = expect.stringMatching(/^2026-11-22T09:30:00\./) as string;
    expect(leaf).toMatchObject({
      _rev: expect.stringMatching(/^3-/) as string,
      preferences: { theme: 'dark', viewMode: 'graph' },
      edits: { theme: corrected, viewMode: corrected },
      updated_at: expect.stringMatching(/^2026-11-22T09:30:00\./) as string,
    });
    expect(store.unsent()).toMatchObject([{ stamp: corrected }, { stamp: corrected }]);
    await store.correctStamps();
    expect((await leavesOf(store.database()))[0]?.['_rev']).toBe(leaf?.['_rev']);
    await store.edit({ theme: 'light' });
    expect(store.unsent()).toMatchObject([{ stamp: corrected }, { stamp: corrected }]);
  });

  test('a corrected edit replaces an earlier edit of another device, and not a later one', async () => {
    for (const [theirTime, expected] of [
      ['2026-11-22T09:29:00.000Z', 'dark'],
      ['2026-11-22T09:31:00.000Z', 'light'],
    ] as const) {
      const { store, learn } = await open();
      await store.edit({ theme: 'dark' });
      learn(-DAYS_MS);
      await store.correctStamps();
      const theirs = applyEdit(emptyDocument, { theme: 'light' }, `${theirTime}-0000-bbbbb`);
      const ids = ['b'.repeat(32), 'a'.repeat(32)];
      await storeLeaves(store.database(), [{ ...theirs, _rev: `2-${'b'.repeat(32)}`, _revisions: { start: 2, ids } }]);
      await store.refresh();
      expect(await leavesOf(store.database())).toMatchObject([{ preferences: { theme: expected } }]);
      expect(store.visiblePreferences()['theme']).toBe(expected);
      expect(store.unsent()).toHaveLength(expected === 'dark' ? 1 : 0);
    }
  });

  test('edits that are made before the first pull are corrected as well', async () => {
    const known: { offset?: number } = {};
    const browser = createFakeBrowser();
    const store = await openLocalStore(browser, {
      environment: { ...defaultEnvironment(), storage: browser.storage, now: () => NOW - DAYS_MS },
      clockOffset: () => known.offset,
    });
    await store.edit({ theme: 'dark' });
    known.offset = DAYS_MS;
    await store.correctStamps();
    expect(store.unsent()).toMatchObject([{ key: 'theme', stamp: expect.stringMatching(/^2026-11-22/) as string }]);
    expect(Object.keys(browser.storage).filter((name) => name.includes(':unsent:'))).toHaveLength(1);
  });
});

/** PouchDB is not told when the browser breaks off what it does in IndexedDB: it waits for good, and nobody else may. */
import type { Database, OpenDatabase } from '../../../client/index.ts';
import { waitForState, waitForPreferences, createDeviceFixture } from '../testing/device.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();
const timing = { heartbeat: 1_000, silence: 1_500 };
const neverSettles = new Promise<never>(() => undefined);

/** A browser that breaks off the first call of this kind after `begin`, and says whether it has. */
function createHangingBrowser(kind: 'bulkGet' | 'bulkDocs') {
  const browser = createInMemoryBrowser();
  let state: 'whole' | 'broken' | 'mended' = 'whole';
  const open: OpenDatabase = (name) => {
    const database: Database = browser(name);
    const original = database[kind].bind(database) as (...args: unknown[]) => unknown;
    return Object.assign(database, {
      [kind]: (...args: unknown[]) => {
        if (state !== 'broken') return original(...args);
        state = 'mended';
        return neverSettles;
      },
    });
  };
  return {
    open,
    hangNextCall: () => {
      state = 'broken';
    },
    hasHung: () => state === 'mended',
  };
}

test.each([
  ['a read for a push', 'bulkGet'],
  ['a write of what was pulled', 'bulkDocs'],
] as const)('%s that never ends is given up, and all arrives', async (_what, kind) => {
  const user = devices.newUser();
  const breaking = createHangingBrowser(kind);
  const { store } = devices.open(user, breaking.open, { timing });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  breaking.hangNextCall();
  if (kind === 'bulkGet') {
    await store.set({ theme: 'dark' });
    await waitForPreferences(other, { theme: 'dark' });
  } else {
    await other.set({ theme: 'dark' });
    await waitForPreferences(store, { theme: 'dark' });
  }
  expect(breaking.hasHung()).toBe(true);
  await waitForState(store, 'live', 0);
});

test('an edit that PouchDB is never told of is sent all the same', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  let isDeaf = true;
  const { store } = devices.open(
    user,
    (name) => {
      const database = browser(name);
      const changes = database.changes.bind(database);
      return Object.assign(database, {
        changes: (options: PouchDB.Core.ChangesOptions) => {
          const feed = changes(options);
          if (options.live !== true || options.style !== 'all_docs' || !isDeaf) return feed;
          isDeaf = false;
          return Object.assign(feed, { on: () => feed });
        },
      });
    },
    { timing },
  );
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  expect(isDeaf).toBe(false);
  await store.set({ theme: 'dark' });
  await waitForPreferences(other, { theme: 'dark' });
  await waitForState(store, 'live', 0);
});

/** PouchDB waits forever for an IndexedDB operation that the browser aborted. The client must not. */
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { Database } from '../../../client/platform/database.ts';
import { waitForState, waitForPreferences, createDeviceFixture } from '../testing/device.ts';
import { createInMemoryBrowser, type OpenTestDatabase } from '../testing/test-server.ts';

const devices = createDeviceFixture();
const timing = { heartbeat: 1_000, silence: scaleMs(1_500) };
const neverSettles = new Promise<never>(() => undefined);

/** Returns a browser in which the first call of this kind after `hangNextCall` never settles. */
function createHangingBrowser(kind: 'bulkGet' | 'bulkDocs') {
  const browser = createInMemoryBrowser();
  let state: 'working' | 'armed' | 'hung' = 'working';
  const open: OpenTestDatabase = (name) => {
    const database: Database = browser(name);
    const original = database[kind].bind(database) as (...args: unknown[]) => unknown;
    return Object.assign(database, {
      [kind]: (...args: unknown[]) => {
        if (state !== 'armed') return original(...args);
        state = 'hung';
        return neverSettles;
      },
    });
  };
  return {
    open,
    hangNextCall: () => {
      state = 'armed';
    },
    hasHung: () => state === 'hung',
  };
}

test.each([
  ['a read for a push', 'bulkGet'],
  ['a write of pulled revisions', 'bulkDocs'],
] as const)('%s that never settles ends the run, and all edits arrive', async (_name, kind) => {
  const user = devices.newUser();
  const hanging = createHangingBrowser(kind);
  const { store } = devices.open(user, hanging.open, { timing });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  hanging.hangNextCall();
  if (kind === 'bulkGet') {
    await store.set({ theme: 'dark' });
    await waitForPreferences(other, { theme: 'dark' });
  } else {
    await other.set({ theme: 'dark' });
    await waitForPreferences(store, { theme: 'dark' });
  }
  expect(hanging.hasHung()).toBe(true);
  await waitForState(store, 'live', 0);
});

test('an edit whose change event PouchDB misses is sent', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  let suppressesEvents = true;
  const { store } = devices.open(
    user,
    (name) => {
      const database = browser(name);
      const changes = database.changes.bind(database);
      return Object.assign(database, {
        changes: (options: PouchDB.Core.ChangesOptions) => {
          const feed = changes(options);
          if (options.live !== true || options.style !== 'all_docs' || !suppressesEvents) return feed;
          suppressesEvents = false;
          return Object.assign(feed, { on: () => feed });
        },
      });
    },
    { timing },
  );
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  expect(suppressesEvents).toBe(false);
  await store.set({ theme: 'dark' });
  await waitForPreferences(other, { theme: 'dark' });
  await waitForState(store, 'live', 0);
});

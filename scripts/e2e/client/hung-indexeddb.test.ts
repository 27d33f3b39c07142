/** PouchDB is not told when the browser breaks off what it does in IndexedDB: it waits for good, and nobody else may. */
import type { Database, OpenDatabase } from '../../../client/index.ts';
import { reaches, shows, stage } from '../testing/device.ts';
import { newBrowser } from '../testing/test-server.ts';

const devices = stage();
const timing = { heartbeat: 1_000, silence: 1_500 };
const never = new Promise<never>(() => undefined);

/** A browser that breaks off the first call of this kind after `begin`, and says whether it has. */
function breakingOff(kind: 'bulkGet' | 'bulkDocs') {
  const browser = newBrowser();
  let state: 'whole' | 'broken' | 'mended' = 'whole';
  const open: OpenDatabase = (name) => {
    const database: Database = browser(name);
    const whole = database[kind].bind(database) as (...args: unknown[]) => unknown;
    return Object.assign(database, {
      [kind]: (...args: unknown[]) => {
        if (state !== 'broken') return whole(...args);
        state = 'mended';
        return never;
      },
    });
  };
  return {
    open,
    begin: () => {
      state = 'broken';
    },
    wasUsed: () => state === 'mended',
  };
}

test.each([
  ['a read for a push', 'bulkGet'],
  ['a write of what was pulled', 'bulkDocs'],
] as const)('%s that never ends is given up, and all arrives', async (_what, kind) => {
  const user = devices.newUser();
  const breaking = breakingOff(kind);
  const { store } = devices.open(user, breaking.open, { timing });
  const other = devices.open(user, newBrowser()).store;
  await Promise.all([reaches(store, 'live', 0), reaches(other, 'live', 0)]);
  breaking.begin();
  if (kind === 'bulkGet') {
    await store.set({ theme: 'dark' });
    await shows(other, { theme: 'dark' });
  } else {
    await other.set({ theme: 'dark' });
    await shows(store, { theme: 'dark' });
  }
  expect(breaking.wasUsed()).toBe(true);
  await reaches(store, 'live', 0);
});

test('an edit that PouchDB is never told of is sent all the same', async () => {
  const user = devices.newUser();
  const browser = newBrowser();
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
  const other = devices.open(user, newBrowser()).store;
  await Promise.all([reaches(store, 'live', 0), reaches(other, 'live', 0)]);
  expect(isDeaf).toBe(false);
  await store.set({ theme: 'dark' });
  await shows(other, { theme: 'dark' });
  await reaches(store, 'live', 0);
});

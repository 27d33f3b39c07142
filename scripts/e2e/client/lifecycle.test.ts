import { z } from 'zod';
import { createPreferencesStore, eraseLocalData, type Database, type OpenDatabase } from '../../../client/index.ts';
import { createBrowser, waitUntilLive, offlineFetch, createStoreFixture } from '../testing/browser.ts';
import { waitForCondition } from '../testing/test-server.ts';

const stores = createStoreFixture();

const SECRET = 'a secret of hers';
let users = 0;
const newUser = (): string => `life${(users += 1)}`;
const neverSettles = new Promise<never>(() => undefined);

/** A browser in which a user's sign-out was cut off before anything was removed. */
async function interruptSignOut(username: string) {
  const browser = createBrowser();
  const store = createPreferencesStore(
    stores.optionsOf(username, browser, {
      openDatabase: (name) => {
        const database: Database = browser.open(name);
        // The page is gone at the moment at which it begins to remove what it has.
        database.destroy = () => neverSettles;
        return database;
      },
    }),
  );
  await store.set({ selectedTags: [SECRET] });
  await waitUntilLive(store);
  void store.signOut();
  await waitForCondition(store.subscribe, () => `pouchgate_${username}:leaving` in browser.storage);
  return browser;
}

test('a sign-out that was cut off is finished by the next store of that user, before anything is shown', async () => {
  const alice = newUser();
  const browser = await interruptSignOut(alice);
  // What held the lock is gone with its page.
  const after = { ...createBrowser(), open: browser.open, storage: browser.storage };
  const again = stores.open(alice, after, { environment: { storage: browser.storage, fetch: offlineFetch } });
  const shown: unknown[] = [];
  again.subscribe(() => shown.push(again.get()));
  await again.ready;
  expect(JSON.stringify([again.get(), ...shown])).not.toContain(SECRET);
  expect(again.status().unsent).toBe(0);
  expect(Object.keys(browser.storage)).not.toContain(`pouchgate_${alice}:leaving`);
  await again.close();
  expect(await browser.dump(`pouchgate_${alice}`)).not.toContain(SECRET);
});

test('and by the page that starts next, without anybody signing in', async () => {
  const alice = newUser();
  const browser = await interruptSignOut(alice);
  expect(await browser.dump(`pouchgate_${alice}`)).toContain(SECRET);
  await eraseLocalData({ openDatabase: browser.open, storage: browser.storage });
  expect(await browser.dump(`pouchgate_${alice}`)).not.toContain(SECRET);
  expect(Object.keys(browser.storage)).toEqual([]);
});

test('a sign-out that begins before the data has been read is noted all the same', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const openDatabase: OpenDatabase = (name) => Object.assign(browser.open(name), { destroy: () => neverSettles });
  const store = createPreferencesStore(stores.optionsOf(alice, browser, { openDatabase }));
  void store.signOut();
  await store.ready;
  expect(Object.keys(browser.storage)).toContain(`pouchgate_${alice}:leaving`);
});

test('another user of the browser sees nothing of the first one’s, also without a network', async () => {
  const [alice, bob] = [newUser(), newUser()];
  const browser = createBrowser();
  const first = stores.open(alice, browser);
  await first.set({ selectedTags: [SECRET], theme: 'dark' });
  await waitUntilLive(first);
  await first.signOut({ keepData: true });
  const second = stores.open(bob, browser, { environment: { fetch: offlineFetch } });
  await second.ready;
  await second.set({ viewMode: 'graph' });
  expect(second.get()).toMatchObject({ selectedTags: [], theme: 'system', viewMode: 'graph' });
  expect(JSON.stringify(await second.inspect())).not.toContain(SECRET);
  expect(await browser.dump(`pouchgate_${bob}`)).not.toContain(SECRET);
  await second.close();
  // She comes back, and finds what she kept.
  const third = stores.open(alice, browser, { environment: { fetch: offlineFetch } });
  await third.ready;
  expect(third.get()).toMatchObject({ selectedTags: [SECRET], theme: 'dark' });
});

test('signing out takes everything with it, what is beside the database too', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const store = stores.open(alice, browser);
  await store.set({ selectedTags: [SECRET] });
  await waitUntilLive(store);
  expect(Object.keys(browser.storage)).not.toEqual([]);
  await store.signOut();
  expect(Object.keys(browser.storage)).toEqual([]);
  expect(await browser.dump(`pouchgate_${alice}`)).not.toContain(SECRET);
});

test('when it was last in sync is known after a reload without a network', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const before = stores.open(alice, browser);
  await waitUntilLive(before);
  const { lastSynced } = before.status();
  expect(lastSynced).toBeGreaterThan(Date.now() - 60_000);
  await before.close();
  const after = stores.open(alice, browser, { environment: { fetch: offlineFetch } });
  await waitForCondition(after.subscribe, () => after.status().state === 'offline');
  expect(after.status().lastSynced).toBeGreaterThanOrEqual(lastSynced ?? Infinity);
});

test('a tab with an older version of the app goes on beside a newer one, and nothing of the newer one’s is lost', async () => {
  const alice = newUser();
  const [newBrowser, oldBrowser] = [createBrowser(), createBrowser()];
  const newer = stores.open(alice, newBrowser);
  await newer.set({ theme: 'system', timezone: 'Europe/Vienna', viewMode: 'graph' });
  await waitUntilLive(newer);
  // It knows neither graphs nor time zones.
  const schema = z.strictObject({
    theme: z.enum(['light', 'dark', 'system']).optional(),
    viewMode: z.enum(['kanban', 'table']).optional(),
  });
  const older = stores.closeAfterTest(
    createPreferencesStore({ ...stores.optionsOf(alice, oldBrowser), schema, defaults: { viewMode: 'kanban' } }),
  );
  await waitUntilLive(older);
  expect(older.get()).toEqual({ theme: 'system', viewMode: 'kanban' });
  await older.set({ theme: 'dark' });
  await waitForCondition(newer.subscribe, () => newer.get().theme === 'dark');
  expect(newer.get()).toMatchObject({ timezone: 'Europe/Vienna', viewMode: 'graph' });
  await older.set({ viewMode: 'table' });
  await waitForCondition(newer.subscribe, () => newer.get().viewMode === 'table');
  await waitUntilLive(older);
  expect(newer.get()).toMatchObject({ timezone: 'Europe/Vienna', theme: 'dark' });
});

test('the app is told of an edit that a later one of another device has superseded, and of no other', async () => {
  const alice = newUser();
  const [here, there] = [createBrowser(), createBrowser()];
  let online = false;
  const left = stores.open(alice, here, {
    environment: { fetch: (...request) => (online ? fetch(...request) : offlineFetch(...request)) },
  });
  const told: unknown[] = [];
  left.on('superseded', (edit) => told.push(edit));
  await left.set({ theme: 'dark', viewMode: 'table' });
  const right = stores.open(alice, there);
  await waitUntilLive(right);
  await right.set({ theme: 'light' });
  await waitUntilLive(right);
  online = true;
  left.retry();
  await waitUntilLive(left);
  expect(left.get()).toMatchObject({ theme: 'light', viewMode: 'table' });
  expect(told).toMatchObject([{ key: 'theme', value: 'dark', current: 'light' }]);
  // Now both see each other: a change is a change.
  await left.set({ theme: 'system' });
  await waitUntilLive(left);
  await waitForCondition(right.subscribe, () => right.get().theme === 'system');
  await right.set({ theme: 'dark' });
  await waitForCondition(left.subscribe, () => left.get().theme === 'dark');
  expect(told).toHaveLength(1);
});

test('a browser keeps its name in the stamps, from one start and from one tab to the next', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const first = stores.open(alice, browser);
  const { device } = await first.inspect();
  expect((await stores.open(alice, browser).inspect()).device).toBe(device);
  await first.close();
  expect((await stores.open(alice, browser).inspect()).device).toBe(device);
  expect((await stores.open(alice, createBrowser()).inspect()).device).not.toBe(device);
});

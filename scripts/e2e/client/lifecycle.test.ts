import { z } from 'zod';
import { createPreferencesStore, eraseLocalData } from '../../../client/index.ts';
import type { Database, OpenDatabase } from '../../../client/platform/database.ts';
import { createBrowser, waitUntilLive, offlineFetch, createStoreFixture } from '../testing/browser.ts';
import { waitForCondition } from '../testing/test-server.ts';

const stores = createStoreFixture();

const SECRET = 'a secret of alice';
let users = 0;
const newUser = (): string => `life${(users += 1)}`;
const neverSettles = new Promise<never>(() => undefined);

/** Returns a browser in which a user's sign-out was interrupted before any data was removed. */
async function interruptSignOut(username: string) {
  const browser = createBrowser();
  const store = createPreferencesStore(
    stores.optionsOf(username, browser, {
      openDatabase: (name) => {
        const database: Database = browser.open(name);
        // Simulates a page that is closed when it starts to remove the data.
        database.destroy = () => neverSettles;
        return database;
      },
    }),
  );
  await store.set({ selectedTags: [SECRET] });
  await waitUntilLive(store);
  store.signOut().catch(() => undefined);
  await waitForCondition(store.subscribe, () => `pouchgate_${username}:leaving` in browser.storage);
  return browser;
}

test('the user’s next store finishes an interrupted sign-out before it shows anything', async () => {
  const alice = newUser();
  const browser = await interruptSignOut(alice);
  // A closed page holds no locks.
  const after = { ...createBrowser(), open: browser.open, storage: browser.storage };
  const reopened = stores.open(alice, after, { environment: { storage: browser.storage, fetch: offlineFetch } });
  const shown: unknown[] = [];
  reopened.subscribe(() => shown.push(reopened.get()));
  await reopened.ready;
  expect(JSON.stringify([reopened.get(), ...shown])).not.toContain(SECRET);
  expect(reopened.status().unsent).toBe(0);
  expect(Object.keys(browser.storage)).not.toContain(`pouchgate_${alice}:leaving`);
  await reopened.close();
  expect(await browser.dump(`pouchgate_${alice}`)).not.toContain(SECRET);
});

test('eraseLocalData finishes an interrupted sign-out without a sign-in', async () => {
  const alice = newUser();
  const browser = await interruptSignOut(alice);
  expect(await browser.dump(`pouchgate_${alice}`)).toContain(SECRET);
  await eraseLocalData({ openDatabase: browser.open, storage: browser.storage });
  expect(await browser.dump(`pouchgate_${alice}`)).not.toContain(SECRET);
  expect(Object.keys(browser.storage)).toEqual([]);
});

test('a sign-out before the data has been read is marked as pending', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const openDatabase: OpenDatabase = (name) => Object.assign(browser.open(name), { destroy: () => neverSettles });
  const store = createPreferencesStore(stores.optionsOf(alice, browser, { openDatabase }));
  store.signOut().catch(() => undefined);
  await store.ready;
  expect(Object.keys(browser.storage)).toContain(`pouchgate_${alice}:leaving`);
});

test('another user of the browser sees no data of the first user, also offline', async () => {
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
  // The first user returns to the kept data.
  const third = stores.open(alice, browser, { environment: { fetch: offlineFetch } });
  await third.ready;
  expect(third.get()).toMatchObject({ selectedTags: [SECRET], theme: 'dark' });
});

test('signing out removes the database and the storage items', async () => {
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

test('the time of the last sync survives a reload without a network', async () => {
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

test('an older version of the application syncs at the same time as a newer one without losing its preferences', async () => {
  const alice = newUser();
  const [newBrowser, oldBrowser] = [createBrowser(), createBrowser()];
  const newer = stores.open(alice, newBrowser);
  await newer.set({ theme: 'system', timezone: 'Europe/Vienna', viewMode: 'graph' });
  await waitUntilLive(newer);
  // The older version knows neither the graph view nor time zones.
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

test('superseded is emitted only for an unsynced edit that another device replaced', async () => {
  const alice = newUser();
  const [here, there] = [createBrowser(), createBrowser()];
  let online = false;
  const left = stores.open(alice, here, {
    environment: { fetch: (...request) => (online ? fetch(...request) : offlineFetch(...request)) },
  });
  const superseded: unknown[] = [];
  left.on('superseded', (edit) => superseded.push(edit));
  await left.set({ theme: 'dark', viewMode: 'table' });
  const right = stores.open(alice, there);
  await waitUntilLive(right);
  await right.set({ theme: 'light' });
  await waitUntilLive(right);
  online = true;
  left.retry();
  await waitUntilLive(left);
  expect(left.get()).toMatchObject({ theme: 'light', viewMode: 'table' });
  expect(superseded).toMatchObject([{ key: 'theme', value: 'dark', current: 'light' }]);
  // Both are synced now: a later edit is an ordinary change.
  await left.set({ theme: 'system' });
  await waitUntilLive(left);
  await waitForCondition(right.subscribe, () => right.get().theme === 'system');
  await right.set({ theme: 'dark' });
  await waitForCondition(left.subscribe, () => left.get().theme === 'dark');
  expect(superseded).toHaveLength(1);
});

test('all tabs and restarts of a browser use the same device id', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const first = stores.open(alice, browser);
  const { device } = await first.inspect();
  expect((await stores.open(alice, browser).inspect()).device).toBe(device);
  await first.close();
  expect((await stores.open(alice, browser).inspect()).device).toBe(device);
  expect((await stores.open(alice, createBrowser()).inspect()).device).not.toBe(device);
});

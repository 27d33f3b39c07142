import { eraseLocalData } from '../../../client/index.ts';
import { resolveOptions } from '../../../client/resolve-options.ts';
import { SyncedStore } from '../../../client/synced-store.ts';
import { waitForState, waitForPreferences, createDeviceFixture } from '../testing/device.ts';
import { createFaultyPlatform } from '../testing/faulty-platform.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();

test('signing out sends the unsent edits and leaves no data in the browser', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const { store } = devices.open(user, browser);
  await waitForState(store, 'live');
  void store.set({ theme: 'dark' });
  await store.set({ viewMode: 'graph' });
  await store.signOut();

  const reopened = devices.open(user, browser, { getToken: () => Promise.resolve(undefined) }).store;
  await reopened.ready;
  expect(reopened.get()).toMatchObject({ theme: 'system', viewMode: 'kanban' });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await waitForPreferences(other, { theme: 'dark', viewMode: 'graph' });
});

test('signing out can keep the data', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const { store } = devices.open(user, browser);
  await store.set({ theme: 'dark' });
  await store.signOut({ keepData: true });
  const reopened = devices.open(user, browser, { getToken: () => Promise.resolve(undefined) }).store;
  await reopened.ready;
  expect(reopened.get().theme).toBe('dark');
});

test('two users of one browser never see each other’s data', async () => {
  const [alice, bob] = [devices.newUser(), devices.newUser()];
  const browser = createInMemoryBrowser();
  const first = devices.open(alice, browser).store;
  await waitForState(first, 'live');
  await first.set({ theme: 'dark', selectedTags: ['secret'] });
  await first.signOut({ keepData: true });
  const second = devices.open(bob, browser).store;
  await waitForState(second, 'live');
  expect(second.get()).toMatchObject({ theme: 'system', selectedTags: [] });
});

test('a repeated sign-out resolves with the first one, and removes nothing that is newer', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const { store } = devices.open(user, browser);
  await waitForState(store, 'live');
  await Promise.all([store.signOut(), store.signOut()]);
  const offline = { getToken: () => Promise.resolve(undefined) };
  const next = devices.open(user, browser, offline).store;
  await next.set({ theme: 'dark' });
  await store.signOut();
  await next.close();
  const last = devices.open(user, browser, offline).store;
  await last.ready;
  expect(last.get().theme).toBe('dark');
});

test('edits after a sign-out survive page loads while the signed-out database cannot be opened and removed', async () => {
  const platform = createFaultyPlatform();
  const username = devices.newUser();
  const { openDatabase, openReplacement, environment } = platform;
  const { storage } = environment;
  const stores: SyncedStore[] = [];
  const open = (): SyncedStore => {
    const getToken = (): Promise<undefined> => Promise.resolve(undefined);
    const options = resolveOptions({
      url: 'https://example.org/sync/x',
      username,
      getToken,
      openDatabase,
      environment,
    });
    const store = new SyncedStore({ ...options, openReplacement });
    stores.push(store);
    return store;
  };
  try {
    await open().ready;
    platform.set('database', 'rejects');
    const first = open();
    await first.ready;
    await expect(first.signOut()).rejects.toThrow('did not delete the database');
    await open().set({ theme: 'dark' });
    const reloaded = open();
    await reloaded.ready;
    expect(reloaded.get()['theme']).toBe('dark');
    // Once it can be removed, only the database is.
    platform.set('database', undefined);
    await Promise.all(stores.map((store) => store.close()));
    await eraseLocalData({ openDatabase, storage });
    const last = open();
    await last.ready;
    expect([last.get()['theme'], Object.keys(storage).filter((key) => key.endsWith(':leaving'))]).toEqual(['dark', []]);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
});

import { waitForState, waitForPreferences, createDeviceFixture } from '../testing/device.ts';
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

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { RefusedEdit, StoreOptions } from '../../../client/index.ts';
import { waitForState, waitForPreferences, createDeviceFixture } from '../testing/device.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();

/** Accepts every value, unlike the gate. */
const anySchema: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};

test('an edit of one device reaches the other, and nothing stays unsent', async () => {
  const user = devices.newUser();
  const [left, right] = [
    devices.open(user, createInMemoryBrowser()).store,
    devices.open(user, createInMemoryBrowser()).store,
  ];
  await Promise.all([waitForState(left, 'live'), waitForState(right, 'live')]);
  await left.set({ theme: 'dark' });
  await waitForPreferences(right, { theme: 'dark' });
  await right.set({ selectedTags: ['home', 'work'], theme: 'light' });
  await waitForPreferences(left, { theme: 'light', selectedTags: ['home', 'work'] });
  await right.remove('theme');
  await waitForPreferences(left, { theme: 'system' });
  await Promise.all([waitForState(left, 'live', 0), waitForState(right, 'live', 0)]);
});

test('offline edits of two devices are merged; of one preference the later edit wins', async () => {
  const user = devices.newUser();
  const [left, right] = [devices.open(user, createInMemoryBrowser()), devices.open(user, createInMemoryBrowser())];
  await Promise.all([waitForState(left.store, 'live'), waitForState(right.store, 'live')]);
  left.setOffline(true);
  right.setOffline(true);
  await Promise.all([waitForState(left.store, 'offline'), waitForState(right.store, 'offline')]);
  await left.store.set({ theme: 'dark', recapTime: '20:00' });
  await left.store.set({ viewMode: 'table' });
  await right.store.set({ dailyBriefing: true, recapTime: '21:00' });
  await right.store.set({ timezone: 'Europe/Vienna' });
  expect(left.store.status()).toMatchObject({ state: 'offline', unsent: 3 });
  expect(right.store.status()).toMatchObject({ state: 'offline', unsent: 3 });
  left.setOffline(false);
  right.setOffline(false);
  const all = {
    theme: 'dark',
    viewMode: 'table',
    dailyBriefing: true,
    recapTime: '21:00',
    timezone: 'Europe/Vienna',
  } as const;
  await Promise.all([waitForPreferences(left.store, all), waitForPreferences(right.store, all)]);
  await Promise.all([waitForState(left.store, 'live', 0), waitForState(right.store, 'live', 0)]);
});

test('edits made before the first sync stay pending and never create a second root revision', async () => {
  const user = devices.newUser();
  const first = devices.open(user, createInMemoryBrowser());
  await waitForState(first.store, 'live');
  await first.store.set({ viewMode: 'graph' });
  await waitForState(first.store, 'live', 0);

  const browser = createInMemoryBrowser();
  const late = devices.open(user, browser);
  late.setOffline(true);
  await late.store.ready;
  await late.store.set({ theme: 'dark' });
  await waitForState(late.store, 'offline', 1);
  late.setOffline(false);
  await Promise.all([
    waitForPreferences(late.store, { theme: 'dark', viewMode: 'graph' }),
    waitForPreferences(first.store, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await waitForState(late.store, 'live', 0);
  const rows: readonly { ok?: { _revisions?: { ids: string[] } } }[] = await browser(`pouchgate_${user}`).get(
    `user_${user}`,
    { open_revs: 'all', revs: true },
  );
  expect(new Set(rows.map(({ ok }) => ok?._revisions?.ids.at(-1))).size).toBe(1);
});

test('the number of unsent edits survives a reload without a network', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const before = devices.open(user, browser);
  await waitForState(before.store, 'live');
  await before.store.set({ theme: 'dark' });
  await waitForState(before.store, 'live', 0);
  before.setOffline(true);
  await before.store.set({ viewMode: 'table' });
  await before.store.set({ dailyRecap: true });
  await before.store.close();

  const after = devices.open(user, browser);
  after.setOffline(true);
  await after.store.ready;
  expect(after.store.get()).toMatchObject({ theme: 'dark', viewMode: 'table', dailyRecap: true });
  await waitForState(after.store, 'offline', 2);
  after.setOffline(false);
  await waitForState(after.store, 'live', 0);
});

test('a rejected edit is taken back and reported, and the other edits arrive', async () => {
  const user = devices.newUser();
  // An application whose schema differs from the gate's.
  const options = { schema: anySchema } as Partial<StoreOptions>;
  const device = devices.open(user, createInMemoryBrowser(), options);
  const other = devices.open(user, createInMemoryBrowser());
  await Promise.all([waitForState(device.store, 'live'), waitForState(other.store, 'live')]);
  device.setOffline(true);
  await waitForState(device.store, 'offline');
  await device.store.set({ viewMode: 'graph' });
  await device.store.set({ dailyRecap: true });
  await device.store.set({ theme: 'sepia' as never });
  expect(device.store.get().theme).toBe('sepia');
  device.setOffline(false);

  await waitForState(device.store, 'refused', 0);
  expect(device.store.status().refused).toMatchObject([{ key: 'theme', value: 'sepia' }]);
  expect(device.store.status().refused[0]?.reason).not.toBe('');
  const good = { viewMode: 'graph', dailyRecap: true } as const;
  await Promise.all([waitForPreferences(device.store, good), waitForPreferences(other.store, good)]);
  expect(device.store.get()).not.toHaveProperty('theme');
  expect(other.store.get().theme).toBe('system');

  device.store.dismissRefused();
  await waitForState(device.store, 'live', 0);
  await device.store.set({ theme: 'light' });
  await waitForPreferences(other.store, { theme: 'light' });
});

test('an edit that is made after an earlier one of the same preference was rejected is not discarded with it', async () => {
  const user = devices.newUser();
  let isRejected = false;
  let edited: Promise<void> | undefined;
  const refused: RefusedEdit[] = [];
  const { store } = devices.open(user, createInMemoryBrowser(), {
    schema: anySchema,
    environment: {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!new URL(input as string).pathname.endsWith(`/user_${user}`)) return response;
        if (init?.method === 'PUT') isRejected = !response.ok;
        // The read before the rejected edit is discarded.
        else if (isRejected) edited ??= store.set({ theme: 'light' });
        return response;
      },
    },
  } as Partial<StoreOptions>);
  store.on('refused', (edit) => refused.push(edit));
  await waitForState(store, 'live');
  await store.set({ theme: 'sepia' as never });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await waitForPreferences(other, { theme: 'light' });
  await edited;
  await waitForState(store, 'live', 0);
  expect(store.get()).toMatchObject({ theme: 'light' });
  expect(refused).toEqual([]);
});

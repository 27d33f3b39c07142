import type { SyncState } from '../../../client/index.ts';
import { waitForState, waitForPreferences, recordStates, createDeviceFixture } from '../testing/device.ts';
import { startFaultyProxy } from '../testing/faulty-proxy.ts';
import { startSeverableProxy } from '../testing/severable-proxy.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

const devices = createDeviceFixture();

/** From live over offline to live again, and never live in between. */
const expectSingleOutage = (states: readonly SyncState[]): void => {
  expect(states.slice(0, 2)).toEqual(['live', 'offline']);
  expect(states.indexOf('live', 1)).toBe(states.length - 1);
  for (const state of states.slice(1, -1)) expect(['offline', 'catching-up']).toContain(state);
};

test('a restart of the server is survived without a reload, and edits made meanwhile arrive', async () => {
  const user = devices.newUser();
  const [left, right] = [
    devices.open(user, createInMemoryBrowser()).store,
    devices.open(user, createInMemoryBrowser()).store,
  ];
  await Promise.all([waitForState(left, 'live'), waitForState(right, 'live')]);
  const states = recordStates(left);
  const synced = left.status().lastSynced ?? Infinity;
  await devices.server.stop();
  await Promise.all([waitForState(left, 'offline'), waitForState(right, 'offline')]);
  const stopped = Date.now();
  await left.set({ theme: 'dark' });
  await right.set({ viewMode: 'graph' });
  expect(left.status().lastSynced).toBeGreaterThanOrEqual(synced);
  expect(left.status().lastSynced).toBeLessThanOrEqual(stopped);
  await devices.server.start();
  await Promise.all([
    waitForPreferences(left, { theme: 'dark', viewMode: 'graph' }),
    waitForPreferences(right, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await Promise.all([waitForState(left, 'live', 0), waitForState(right, 'live', 0)]);
  expect(left.status().lastSynced).toBeGreaterThan(stopped);
  expectSingleOutage(states);
});

test('a network that falls silent without a word is noticed, and left behind once there is another', async () => {
  const user = devices.newUser();
  const line = await startSeverableProxy(devices.server.url);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: devices.server.registryUrl.replace(devices.server.url, line.url),
    timing: { heartbeat: 1_000, silence: 1_500 },
  });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live'), waitForState(other, 'live')]);
  const states = recordStates(store);
  line.stall();
  await waitForState(store, 'offline');
  await other.set({ theme: 'dark' });
  line.acceptNewConnections();
  await waitForPreferences(store, { theme: 'dark' });
  await waitForState(store, 'live', 0);
  expectSingleOutage(states);
  await store.close();
  await line.close();
});

test('what a server has lost comes back to it from a browser that has it', async () => {
  const user = devices.newUser();
  const { store } = devices.open(user, createInMemoryBrowser());
  await waitForState(store, 'live');
  await store.set({ theme: 'dark', selectedTags: ['home'] });
  await waitForState(store, 'live', 0);
  await devices.server.stop();
  await waitForState(store, 'offline');
  await devices.server.startEmpty();
  await waitForState(store, 'live', 0);
  const other = devices.open(user, createInMemoryBrowser()).store;
  await waitForPreferences(other, { theme: 'dark', selectedTags: ['home'] });
});

test('a computer that slept does not wait for a dead connection to be silent for long enough', async () => {
  const user = devices.newUser();
  const line = await startSeverableProxy(devices.server.url);
  let slept = 0;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: devices.server.registryUrl.replace(devices.server.url, line.url),
    timing: { heartbeat: 10_000, silence: 3_600_000 },
    environment: { now: () => Date.now() + slept },
  });
  await waitForState(store, 'live');
  line.stall();
  slept = 3_600_000;
  // The silence would be noticed in an hour.
  await waitForState(store, 'offline');
  await store.close();
  await line.close();
});

test('a server that has too much to do is left alone for as long as it asks, unless somebody says that all is well', async () => {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(devices.server.url);
  const url = devices.server.registryUrl.replace(devices.server.url, proxy.url);
  // A lot is drawn when a wait begins.
  let onWait = (): void => undefined;
  const random = (): number => {
    onWait();
    return 0;
  };
  const device = devices.open(user, createInMemoryBrowser(), { url, environment: { random } });
  const { store } = device;
  await waitForState(store, 'live');

  const at: number[] = [];
  const busy = (seconds: string) => () => {
    at.push(performance.now());
    return { kind: 'answer', status: 503, headers: { 'retry-after': seconds }, body: '{}' } as const;
  };
  proxy.setFault(busy('2'));
  // The longpoll ends with the answer to this edit, and the next one finds the server busy.
  await store.set({ theme: 'dark' });
  await waitForCondition(proxy.subscribe, () => at.length >= 2);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(1_990);

  proxy.setFault(busy('300'));
  await waitForCondition(proxy.subscribe, () => proxy.counts().faulted >= 1);
  await new Promise<void>((resolve) => {
    onWait = resolve;
  });
  expect(store.status()).toMatchObject({ state: 'offline', unsent: 1 });
  proxy.setFault(undefined);
  device.setOffline(false);
  await waitForState(store, 'live', 0);
  await store.close();
  await proxy.close();
});

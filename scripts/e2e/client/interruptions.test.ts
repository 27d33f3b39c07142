import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { SyncState } from '../../../client/index.ts';
import { waitForState, waitForPreferences, recordStates, createDeviceFixture } from '../testing/device.ts';
import { startFaultyProxy } from '../testing/faulty-proxy.ts';
import { startSeverableProxy } from '../testing/severable-proxy.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

const devices = createDeviceFixture();

/** Expects the states from live over offline to live, without live in between. */
const expectSingleOutage = (states: readonly SyncState[]): void => {
  expect(states[0]).toBe('live');
  expect(states).toContain('offline');
  expect(states.indexOf('live', 1)).toBe(states.length - 1);
  for (const state of states.slice(1, -1)) expect(['offline', 'catching-up']).toContain(state);
};

test('reconnects after a server restart, and sends the edits made during the outage', async () => {
  const user = devices.newUser();
  const [left, right] = [
    devices.open(user, createInMemoryBrowser()).store,
    devices.open(user, createInMemoryBrowser()).store,
  ];
  await Promise.all([waitForState(left, 'live'), waitForState(right, 'live')]);
  const states = recordStates(left);
  const lastSynced = left.status().lastSynced ?? Infinity;
  await devices.server.stop();
  await Promise.all([waitForState(left, 'offline'), waitForState(right, 'offline')]);
  const stoppedAt = Date.now();
  await left.set({ theme: 'dark' });
  await right.set({ viewMode: 'graph' });
  expect(left.status().lastSynced).toBeGreaterThanOrEqual(lastSynced);
  expect(left.status().lastSynced).toBeLessThanOrEqual(stoppedAt);
  await devices.server.start();
  await Promise.all([
    waitForPreferences(left, { theme: 'dark', viewMode: 'graph' }),
    waitForPreferences(right, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await Promise.all([waitForState(left, 'live', 0), waitForState(right, 'live', 0)]);
  expect(left.status().lastSynced).toBeGreaterThan(stoppedAt);
  expectSingleOutage(states);
});

test('detects a stalled connection, and replaces it once a network is available', async () => {
  const user = devices.newUser();
  const proxy = await startSeverableProxy(devices.server.url);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: devices.server.registryUrl.replace(devices.server.url, proxy.url),
    timing: { heartbeat: 1_000, silence: scaleMs(1_500), response: scaleMs(1_500) },
  });
  const other = devices.open(user, createInMemoryBrowser()).store;
  await Promise.all([waitForState(store, 'live'), waitForState(other, 'live')]);
  const states = recordStates(store);
  proxy.stall();
  await waitForState(store, 'offline');
  await other.set({ theme: 'dark' });
  proxy.acceptNewConnections();
  await waitForPreferences(store, { theme: 'dark' });
  await waitForState(store, 'live', 0);
  expectSingleOutage(states);
  await store.close();
  await proxy.close();
});

test('a browser restores the data that the server has lost', async () => {
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

test('a replacement of many local leaves that a lost connection interrupts precedes the next sync, once', async () => {
  const user = devices.newUser();
  const id = `user_${user}`;
  const browser = createInMemoryBrowser();
  const proxy = await startFaultyProxy(devices.server.url);
  const databases: ReturnType<typeof browser>[] = [];
  const openDatabase: typeof browser = (name) => {
    const database = browser(name);
    databases.push(database);
    return database;
  };
  const { store } = devices.open(user, openDatabase, {
    url: devices.server.registryUrl.replace(devices.server.url, proxy.url),
  });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  const tombstones = Array.from({ length: 20 }, (_, n) => {
    const hash = n.toString(16).padStart(32, '0');
    return { _id: id, _deleted: true, _rev: `2-${hash}`, _revisions: { start: 2, ids: [hash, 'e'.repeat(32)] } };
  });
  let requestsBeforeFault = Infinity;
  // The replacement begins with a read of the server's leaves.
  proxy.setFault(({ endpoint, faultedCount }) => {
    if (endpoint === id && faultedCount === 0) {
      requestsBeforeFault = proxy.endpoints().length;
      return { kind: 'drop' };
    }
    // The sync that follows is interrupted, too.
    return endpoint === '_changes' && faultedCount === 1 ? { kind: 'drop' } : undefined;
  });
  await databases.at(-1)?.bulkDocs(tombstones, { new_edits: false });
  await waitForCondition(proxy.subscribe, () => proxy.endpoints().length > requestsBeforeFault);
  expect(proxy.endpoints()[requestsBeforeFault]).toBe(id);
  await waitForState(store, 'live', 0);
  expect(proxy.counts().faulted).toBe(2);
  expect(
    proxy
      .endpoints()
      .slice(requestsBeforeFault)
      .filter((endpoint) => endpoint === id),
  ).toHaveLength(1);
  expect((await store.inspect()).leaves).toHaveLength(1);
  expect(store.get()).toMatchObject({ theme: 'dark' });
  await store.close();
  await proxy.close();
});

test('detects a dead connection at once after the computer slept', async () => {
  const user = devices.newUser();
  const proxy = await startSeverableProxy(devices.server.url);
  let sleptMs = 0;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: devices.server.registryUrl.replace(devices.server.url, proxy.url),
    timing: { heartbeat: 10_000, silence: 3_600_000, response: scaleMs(1_500) },
    environment: { now: () => Date.now() + sleptMs },
  });
  await waitForState(store, 'live');
  proxy.stall();
  sleptMs = 3_600_000;
  // Without the sleep the idle timeout would take an hour.
  await waitForState(store, 'offline');
  await store.close();
  await proxy.close();
});

test('a busy server gets no request before its Retry-After; one of minutes ends when the network is back', async () => {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(devices.server.url);
  const url = devices.server.registryUrl.replace(devices.server.url, proxy.url);
  // `random` is called when a delay starts.
  let onDelay = (): void => undefined;
  const random = (): number => {
    onDelay();
    return 0;
  };
  const device = devices.open(user, createInMemoryBrowser(), { url, environment: { random } });
  const { store } = device;
  await waitForState(store, 'live');

  const requestTimes: number[] = [];
  const busy = (seconds: string) => () => {
    requestTimes.push(performance.now());
    return { kind: 'respond', status: 503, headers: { 'retry-after': seconds }, body: '{}' } as const;
  };
  proxy.setFault(busy('2'));
  // This edit completes the open longpoll, and the next request gets 503.
  await store.set({ theme: 'dark' });
  await waitForCondition(proxy.subscribe, () => requestTimes.length >= 2);
  expect((requestTimes[1] ?? 0) - (requestTimes[0] ?? 0)).toBeGreaterThanOrEqual(1_990);

  proxy.setFault(busy('300'));
  await waitForCondition(proxy.subscribe, () => proxy.counts().faulted >= 1);
  await new Promise<void>((resolve) => {
    onDelay = resolve;
  });
  expect(store.status()).toMatchObject({ state: 'offline', unsent: 1 });
  proxy.setFault(undefined);
  device.setOffline(false);
  await waitForState(store, 'live', 0);
  await store.close();
  await proxy.close();
});

test('an event that the network is back replaces a request that hangs, long before it would time out', async () => {
  const user = devices.newUser();
  const proxy = await startSeverableProxy(devices.server.url);
  const device = devices.open(user, createInMemoryBrowser(), {
    url: devices.server.registryUrl.replace(devices.server.url, proxy.url),
    timing: { heartbeat: 10_000, silence: 3_600_000, response: 3_600_000 },
  });
  const { store } = device;
  await waitForState(store, 'live');
  device.setOffline(true);
  await waitForState(store, 'offline');
  proxy.stall();
  device.setOffline(false);
  // The new connection is accepted, and nothing arrives over it.
  await proxy.waitForConnection();
  proxy.acceptNewConnections();
  const wake = setInterval(() => device.setOffline(false), 200);
  await waitForState(store, 'live', 0);
  clearInterval(wake);
  await store.close();
  await proxy.close();
});

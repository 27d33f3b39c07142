import type { SyncState } from '../../../client/index.ts';
import { reaches, shows, statesOf, stage } from '../testing/device.ts';
import { openFaultyProxy } from '../testing/faulty-proxy.ts';
import { openLine } from '../testing/severable-proxy.ts';
import { newBrowser, until } from '../testing/test-server.ts';

const devices = stage();

/** From live over offline to live again, and never live in between. */
const expectHonest = (states: readonly SyncState[]): void => {
  expect(states.slice(0, 2)).toEqual(['live', 'offline']);
  expect(states.indexOf('live', 1)).toBe(states.length - 1);
  for (const state of states.slice(1, -1)) expect(['offline', 'catching-up']).toContain(state);
};

test('a restart of the server is survived without a reload, and edits made meanwhile arrive', async () => {
  const user = devices.newUser();
  const [left, right] = [devices.open(user, newBrowser()).store, devices.open(user, newBrowser()).store];
  await Promise.all([reaches(left, 'live'), reaches(right, 'live')]);
  const states = statesOf(left);
  const synced = left.status().lastSynced ?? Infinity;
  await devices.server.stop();
  await Promise.all([reaches(left, 'offline'), reaches(right, 'offline')]);
  const stopped = Date.now();
  await left.set({ theme: 'dark' });
  await right.set({ viewMode: 'graph' });
  expect(left.status().lastSynced).toBeGreaterThanOrEqual(synced);
  expect(left.status().lastSynced).toBeLessThanOrEqual(stopped);
  await devices.server.start();
  await Promise.all([
    shows(left, { theme: 'dark', viewMode: 'graph' }),
    shows(right, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await Promise.all([reaches(left, 'live', 0), reaches(right, 'live', 0)]);
  expect(left.status().lastSynced).toBeGreaterThan(stopped);
  expectHonest(states);
});

test('a network that falls silent without a word is noticed, and left behind once there is another', async () => {
  const user = devices.newUser();
  const line = await openLine(devices.server.url);
  const { store } = devices.open(user, newBrowser(), {
    url: devices.server.registry.replace(devices.server.url, line.url),
    timing: { heartbeat: 1_000, silence: 1_500 },
  });
  const other = devices.open(user, newBrowser()).store;
  await Promise.all([reaches(store, 'live'), reaches(other, 'live')]);
  const states = statesOf(store);
  line.stall();
  await reaches(store, 'offline');
  await other.set({ theme: 'dark' });
  line.clear();
  await shows(store, { theme: 'dark' });
  await reaches(store, 'live', 0);
  expectHonest(states);
  await store.close();
  await line.close();
});

test('what a server has lost comes back to it from a browser that has it', async () => {
  const user = devices.newUser();
  const { store } = devices.open(user, newBrowser());
  await reaches(store, 'live');
  await store.set({ theme: 'dark', selectedTags: ['home'] });
  await reaches(store, 'live', 0);
  await devices.server.stop();
  await reaches(store, 'offline');
  await devices.server.startEmpty();
  await reaches(store, 'live', 0);
  const other = devices.open(user, newBrowser()).store;
  await shows(other, { theme: 'dark', selectedTags: ['home'] });
});

test('a computer that slept does not wait for a dead connection to be silent for long enough', async () => {
  const user = devices.newUser();
  const line = await openLine(devices.server.url);
  let slept = 0;
  const { store } = devices.open(user, newBrowser(), {
    url: devices.server.registry.replace(devices.server.url, line.url),
    timing: { heartbeat: 10_000, silence: 3_600_000 },
    environment: { now: () => Date.now() + slept },
  });
  await reaches(store, 'live');
  line.stall();
  slept = 3_600_000;
  // The silence would be noticed in an hour.
  await reaches(store, 'offline');
  await store.close();
  await line.close();
});

test('a server that has too much to do is left alone for as long as it asks, unless somebody says that all is well', async () => {
  const user = devices.newUser();
  const proxy = await openFaultyProxy(devices.server.url);
  const url = devices.server.registry.replace(devices.server.url, proxy.url);
  // A lot is drawn when a wait begins.
  let onWait = (): void => undefined;
  const random = (): number => {
    onWait();
    return 0;
  };
  const device = devices.open(user, newBrowser(), { url, environment: { random } });
  const { store } = device;
  await reaches(store, 'live');

  const at: number[] = [];
  const busy = (seconds: string) => () => {
    at.push(performance.now());
    return { kind: 'answer', status: 503, headers: { 'retry-after': seconds }, body: '{}' } as const;
  };
  proxy.setFault(busy('2'));
  // The longpoll ends with the answer to this edit, and the next one finds the server busy.
  await store.set({ theme: 'dark' });
  await until(proxy.subscribe, () => at.length >= 2);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(1_990);

  proxy.setFault(busy('300'));
  await until(proxy.subscribe, () => proxy.counts().faulted >= 1);
  await new Promise<void>((resolve) => {
    onWait = resolve;
  });
  expect(store.status()).toMatchObject({ state: 'offline', unsent: 1 });
  proxy.setFault(undefined);
  device.setOffline(false);
  await reaches(store, 'live', 0);
  await store.close();
  await proxy.close();
});

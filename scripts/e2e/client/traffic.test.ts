import { createDeviceFactory, waitForState, waitForPreferences } from '../testing/device.ts';
import { startFaultyProxy, type Fault, type FaultyProxy } from '../testing/faulty-proxy.ts';
import { createInMemoryBrowser, startTestServer, type TestServer } from '../testing/test-server.ts';

/** The client's minimum interval between pushes. */
const PUSH_INTERVAL_MS = 250;

let server: TestServer;
const devices = createDeviceFactory(() => server);
const proxies: FaultyProxy[] = [];
beforeAll(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await devices.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});
afterAll(() => server.close());

/** Opens two devices of a new user, the first behind a proxy. */
async function createDevicePair(fault?: Fault) {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(server.url);
  proxies.push(proxy);
  proxy.setFault(fault);
  const browser = createInMemoryBrowser();
  const url = server.registryUrl.replace(server.url, proxy.url);
  const { store } = devices.open(user, browser, { url });
  const other = devices.open(user).store;
  await Promise.all([waitForState(store, 'live'), waitForState(other, 'live')]);
  const requestCount = (endpoint: string): number => proxy.endpoints().filter((one) => one === endpoint).length;
  return { user, proxy, browser, url, store, other, requestCount };
}

test('many edits in a row are at most one push per interval, and the last value arrives', async () => {
  const { store, other, requestCount } = await createDevicePair();
  const before = requestCount('_bulk_docs');
  const startedAt = performance.now();
  const times = Array.from({ length: 60 }, (_, minute) => `07:${String(minute).padStart(2, '0')}`);
  for (const briefingTime of times) await store.set({ briefingTime });
  await Promise.all([waitForPreferences(other, { briefingTime: '07:59' }), waitForState(store, 'live', 0)]);
  const intervals = (performance.now() - startedAt) / PUSH_INTERVAL_MS;
  // One push at the start of each interval, the first and the last included.
  expect(requestCount('_bulk_docs') - before).toBeLessThanOrEqual(Math.ceil(intervals) + 1);
});

test('a single edit is one push, and sends no other requests', async () => {
  const { proxy, store, other } = await createDevicePair();
  const before = proxy.endpoints().length;
  await store.set({ theme: 'dark' });
  await Promise.all([waitForPreferences(other, { theme: 'dark' }), waitForState(store, 'live', 0)]);
  // The push, and the longpoll that follows the one with the edit.
  expect(proxy.endpoints().slice(before).sort()).toEqual(['_bulk_docs', '_changes', '_revs_diff']);
});

test('a start sends only the necessary requests', async () => {
  const { proxy } = await createDevicePair();
  expect(proxy.endpoints().filter((endpoint) => endpoint === '')).toEqual([]);
  expect(proxy.endpoints().length).toBeLessThanOrEqual(6);
});

describe.each([404, 405, 501])('a server that responds to _bulk_get with %i', (status) => {
  const noBulkGet: Fault = ({ endpoint }) =>
    endpoint === '_bulk_get' ? { kind: 'respond', status, body: '<h1>No</h1>' } : undefined;

  test('syncs, and nothing is unsent after a reload', async () => {
    const { user, store, other, browser, url } = await createDevicePair(noBulkGet);
    await other.set({ viewMode: 'graph' });
    await waitForPreferences(store, { viewMode: 'graph' });
    await store.set({ theme: 'dark' });
    await waitForPreferences(other, { theme: 'dark' });
    await waitForState(store, 'live', 0);
    await store.close();
    const reloaded = devices.open(user, browser, { url, getToken: () => Promise.resolve(undefined) }).store;
    await waitForState(reloaded, 'sign-in-needed', 0);
    expect(reloaded.get()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  });

  test('syncs when _bulk_get has worked before', async () => {
    const { proxy, store, other } = await createDevicePair();
    await other.set({ viewMode: 'graph' });
    await waitForPreferences(store, { viewMode: 'graph' });
    proxy.setFault(noBulkGet);
    await other.set({ viewMode: 'table' });
    await waitForPreferences(store, { viewMode: 'table' });
    await waitForState(store, 'live', 0);
    expect(proxy.counts().faulted).toBeGreaterThan(0);
  });
});

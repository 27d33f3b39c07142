import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { setTimeout } from 'node:timers/promises';
import type { SyncStatus } from '../../../client/index.ts';
import { createDeviceFactory, waitForState, waitForPreferences } from '../testing/device.ts';
import { startFaultyProxy, type FaultAction, type Fault, type FaultyProxy } from '../testing/faulty-proxy.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition, type TestServer } from '../testing/test-server.ts';

const OBSERVATION_MS = 1_500;
const CONCURRENCY = 6;

const respondWith = (body: unknown, status = 200, headers = {}): FaultAction => ({
  kind: 'respond',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const CAPTIVE_PORTAL_HTML = '<!doctype html><title>Welcome to the hotel</title>';
const REV = `1-${'a'.repeat(32)}`;
const NOT_FOUND = { error: 'not_found', reason: 'missing' };
const respondWithPortal = (status = 200): FaultAction =>
  respondWith(CAPTIVE_PORTAL_HTML, status, { 'content-type': 'text/html' });

/** Applies a fault to the requests of one endpoint. */
const onEndpoint =
  (endpoint: string, action: FaultAction): Fault =>
  (request) =>
    request.endpoint === endpoint ? action : undefined;
const onLongpolls =
  (fault: Fault): Fault =>
  (request) =>
    request.isLongpoll ? fault(request) : undefined;

const FAULTS: Readonly<Record<string, Fault>> = {
  'longpolls answered at once without rows': onLongpolls(({ since }) => respondWith({ results: [], last_seq: since })),
  'longpolls answered at once with the same rows': onLongpolls(({ since, rows }) =>
    respondWith({ results: rows, last_seq: since }),
  ),
  'longpolls answered at once with the same rows and a new last_seq': onLongpolls(({ rows, faultedCount }) =>
    respondWith({ results: rows, last_seq: `${faultedCount}-x` }),
  ),
  'a feed that always starts from the beginning': ({ endpoint, rows }) =>
    endpoint === '_changes' && rows.length > 0
      ? respondWith({ results: rows, last_seq: (rows.at(-1) as { readonly seq: string }).seq })
      : undefined,
  'longpolls that fail': onLongpolls(() => respondWith(NOT_FOUND, 500)),
  'longpolls that end within their body': onLongpolls(() => respondWith('{"results":[\n')),
  '_revs_diff answered with an HTML page': onEndpoint('_revs_diff', respondWithPortal()),
  '_revs_diff answered with an array': onEndpoint('_revs_diff', respondWith([])),
  '_revs_diff answered with an empty object': onEndpoint('_revs_diff', respondWith({})),
  '_revs_diff answered for another document': onEndpoint('_revs_diff', respondWith({ user_bob: { missing: [REV] } })),
  '_revs_diff answered for another revision': ({ endpoint, faultedCount }) =>
    endpoint === '_revs_diff' ? respondWith({ [`user_user${faultedCount}`]: { missing: [REV] } }) : undefined,
  '_bulk_docs answered with an HTML page': onEndpoint('_bulk_docs', respondWithPortal()),
  '_bulk_docs answered with an object': onEndpoint('_bulk_docs', respondWith({})),
  '_bulk_docs answered as if all rows were stored': onEndpoint('_bulk_docs', respondWith([])),
  '_bulk_docs answered for another document': onEndpoint(
    '_bulk_docs',
    respondWith([{ id: 'user_bob', ok: true, rev: REV }]),
  ),
  '_bulk_docs rejected as a whole': onEndpoint('_bulk_docs', respondWithPortal(413)),
  '_bulk_get answered with an HTML page': onEndpoint('_bulk_get', respondWithPortal()),
  '_bulk_get answered without rows': onEndpoint('_bulk_get', respondWith({ results: [] })),
  '_bulk_get answered with empty rows': onEndpoint(
    '_bulk_get',
    respondWith({ results: [{ id: 'user_bob', docs: [{}] }] }),
  ),
  'a captive portal that responds to everything with its page': () => respondWithPortal(),
  'a captive portal that redirects': () => respondWith('', 302, { location: 'http://127.0.0.1:9/sign-in' }),
  'a captive portal that responds with its own 401': () => respondWithPortal(401),
  'a server without the database': () => respondWith(NOT_FOUND, 404),
  'another server at the URL': () => respondWithPortal(404),
  'a server that fails': () => respondWith({ error: 'internal_server_error' }, 500),
  'a busy server': () => respondWith({ error: 'service_unavailable' }, 503, { 'retry-after': '1' }),
  'responses without a body': () => respondWith(''),
  'connections closed within the body': () => ({ kind: 'cut' }),
  'bodies truncated to their half': () => ({ kind: 'truncate' }),
  'connections closed without a response': () => ({ kind: 'drop' }),
};

/** What a device did during the fault. */
interface FaultObservation {
  readonly statuses: readonly SyncStatus[];
  readonly seconds: number;
  readonly requestCount: number;
}

let server: TestServer;
const devices = createDeviceFactory(() => server);
const proxies: FaultyProxy[] = [];

/** Applies the fault while both devices have edits to exchange, and then removes it without an event. */
async function observeFault(fault: Fault): Promise<FaultObservation> {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(server.url);
  proxies.push(proxy);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: server.registryUrl.replace(server.url, proxy.url),
    timing: { heartbeat: 1_000, silence: scaleMs(5_000) },
    environment: { random: () => 0 },
  });
  const other = devices.open(user).store;
  await Promise.all([waitForState(store, 'live'), waitForState(other, 'live')]);

  proxy.setFault(() => ({ kind: 'drop' }));
  // The other device's edit completes the open longpoll, and the next request is dropped.
  await other.set({ viewMode: 'graph' });
  await waitForState(store, 'offline');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'offline', 1);
  await waitForState(other, 'live', 0);

  const startedAt = performance.now();
  const statuses: SyncStatus[] = [];
  const stopRecording = store.subscribe(() => statuses.push(store.status()));
  proxy.setFault(fault);
  // A request loop shows only in the number of requests per time, and in no event.
  await Promise.all([waitForCondition(proxy.subscribe, () => proxy.counts().faulted >= 3), setTimeout(OBSERVATION_MS)]);
  stopRecording();
  const { received: requestCount } = proxy.counts();
  const seconds = (performance.now() - startedAt) / 1_000;

  proxy.setFault(undefined);
  const expected = { theme: 'dark', viewMode: 'graph' } as const;
  await Promise.all([
    waitForPreferences(store, expected),
    waitForPreferences(other, expected),
    waitForState(store, 'live', 0),
  ]);
  return { statuses, seconds, requestCount };
}

const observations = new Map<string, Promise<FaultObservation>>();
beforeAll(async () => {
  server = await startTestServer();
  // The observations mostly wait, so several run in parallel. Each has its own user, two devices and a proxy.
  const lanes = Array.from({ length: CONCURRENCY }, () => Promise.resolve());
  Object.entries(FAULTS).forEach(([name, fault], index) => {
    const observation = (lanes[index % CONCURRENCY] ?? Promise.resolve()).then(() => observeFault(fault));
    observations.set(name, observation);
    lanes[index % CONCURRENCY] = observation.then(
      () => undefined,
      () => undefined,
    );
  });
});
afterAll(async () => {
  await devices.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await server.close();
});

test.each(Object.keys(FAULTS))(
  '%s: the status is correct, requests are paced, and the device recovers',
  async (name) => {
    const observation = await observations.get(name);
    const { statuses, seconds, requestCount } = observation ?? { statuses: [], seconds: 0, requestCount: Infinity };
    const states = new Set(statuses.map(({ state }) => state));
    expect([...states].filter((state) => state !== 'offline' && state !== 'catching-up')).toEqual([]);
    expect(requestCount).toBeLessThan(10 + 12 * seconds);
  },
);

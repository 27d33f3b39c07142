import { setTimeout } from 'node:timers/promises';
import type { SyncStatus } from '../../../client/index.ts';
import { createDeviceFactory, waitForState, waitForPreferences } from '../testing/device.ts';
import { startFaultyProxy, type FaultAction, type Fault, type FaultyProxy } from '../testing/faulty-proxy.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition, type TestServer } from '../testing/test-server.ts';

const OBSERVATION_MS = 1_500;
const CONCURRENCY = 6;

const respondWith = (body: unknown, status = 200, headers = {}): FaultAction => ({
  kind: 'answer',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const CAPTIVE_PORTAL_HTML = '<!doctype html><title>Welcome to the hotel</title>';
const REV = `1-${'a'.repeat(32)}`;
const NOT_FOUND = { error: 'not_found', reason: 'missing' };
const respondWithPortal = (status = 200): FaultAction =>
  respondWith(CAPTIVE_PORTAL_HTML, status, { 'content-type': 'text/html' });

/** The fault on these requests alone. */
const onEndpoint =
  (endpoint: string, action: FaultAction): Fault =>
  (request) =>
    request.endpoint === endpoint ? action : undefined;
const onLongpolls =
  (fault: Fault): Fault =>
  (request) =>
    request.isLongpoll ? fault(request) : undefined;

const FAULTS: Readonly<Record<string, Fault>> = {
  'longpolls that are answered at once with nothing': onLongpolls(({ since }) =>
    respondWith({ results: [], last_seq: since }),
  ),
  'longpolls that are answered at once with the same rows': onLongpolls(({ since, rows }) =>
    respondWith({ results: rows, last_seq: since }),
  ),
  'longpolls that are answered at once with the same rows as if they were new': onLongpolls(({ rows, faultedCount }) =>
    respondWith({ results: rows, last_seq: `${faultedCount}-x` }),
  ),
  'a feed that begins anew each time': (asked) =>
    asked.endpoint === '_changes' && asked.rows.length > 0
      ? respondWith({ results: asked.rows, last_seq: (asked.rows.at(-1) as { readonly seq: string }).seq })
      : undefined,
  'longpolls that fail': onLongpolls(() => respondWith(NOT_FOUND, 500)),
  'longpolls that end in their midst': onLongpolls(() => respondWith('{"results":[\n')),
  '_revs_diff answered by a page': onEndpoint('_revs_diff', respondWithPortal()),
  '_revs_diff answered by a list': onEndpoint('_revs_diff', respondWith([])),
  '_revs_diff answered by nothing': onEndpoint('_revs_diff', respondWith({})),
  '_revs_diff answered about another document': onEndpoint('_revs_diff', respondWith({ user_bob: { missing: [REV] } })),
  '_revs_diff answered about another revision': (asked) =>
    asked.endpoint === '_revs_diff'
      ? respondWith({ [`user_user${asked.faultedCount}`]: { missing: [REV] } })
      : undefined,
  '_bulk_docs answered by a page': onEndpoint('_bulk_docs', respondWithPortal()),
  '_bulk_docs answered by an object': onEndpoint('_bulk_docs', respondWith({})),
  '_bulk_docs answered as if all were stored': onEndpoint('_bulk_docs', respondWith([])),
  '_bulk_docs answered about another document': onEndpoint(
    '_bulk_docs',
    respondWith([{ id: 'user_bob', ok: true, rev: REV }]),
  ),
  '_bulk_docs refused as a whole': onEndpoint('_bulk_docs', respondWithPortal(413)),
  '_bulk_get answered by a page': onEndpoint('_bulk_get', respondWithPortal()),
  '_bulk_get answered by no rows': onEndpoint('_bulk_get', respondWith({ results: [] })),
  '_bulk_get answered by empty rows': onEndpoint(
    '_bulk_get',
    respondWith({ results: [{ id: 'user_bob', docs: [{}] }] }),
  ),
  'a captive portal that answers everything with its page': () => respondWithPortal(),
  'a captive portal that redirects': () => respondWith('', 302, { location: 'http://127.0.0.1:9/sign-in' }),
  'a captive portal that wants a sign-in of its own': () => respondWithPortal(401),
  'nothing there': () => respondWith(NOT_FOUND, 404),
  'another server there': () => respondWithPortal(404),
  'a server that fails': () => respondWith({ error: 'internal_server_error' }, 500),
  'a server that has too much to do': () => respondWith({ error: 'service_unavailable' }, 503, { 'retry-after': '1' }),
  'answers without a body': () => respondWith(''),
  'answers cut off in their midst': () => ({ kind: 'cut' }),
  'answers that are half of what they were': () => ({ kind: 'truncate' }),
  'no answers': () => ({ kind: 'drop' }),
};

/** What happened to a device while there was the fault. */
interface FaultObservation {
  readonly statuses: readonly SyncStatus[];
  readonly seconds: number;
  readonly requestCount: number;
}

let server: TestServer;
const devices = createDeviceFactory(() => server);
const proxies: FaultyProxy[] = [];

/** Edits on both sides of the line, while the fault is there; then it goes, and nobody says so. */
async function observeFault(fault: Fault): Promise<FaultObservation> {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(server.url);
  proxies.push(proxy);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    url: server.registryUrl.replace(server.url, proxy.url),
    timing: { heartbeat: 1_000, silence: 5_000 },
    environment: { random: () => 0 },
  });
  const other = devices.open(user).store;
  await Promise.all([waitForState(store, 'live'), waitForState(other, 'live')]);

  proxy.setFault(() => ({ kind: 'drop' }));
  // The open longpoll is answered by the other's edit, and the next one is dropped.
  await other.set({ viewMode: 'graph' });
  await waitForState(store, 'offline');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'offline', 1);
  await waitForState(other, 'live', 0);

  const startedAt = performance.now();
  const statuses: SyncStatus[] = [];
  const stopRecording = store.subscribe(() => statuses.push(store.status()));
  proxy.setFault(fault);
  // Asking in circles shows in the number of requests in a given time, not in any event.
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
  // Each waits more than it works: some go side by side, each with a user, two devices and a line of its own.
  const lanes = Array.from({ length: CONCURRENCY }, () => Promise.resolve());
  Object.entries(FAULTS).forEach(([name, fault], at) => {
    const story = (lanes[at % CONCURRENCY] ?? Promise.resolve()).then(() => observeFault(fault));
    observations.set(name, story);
    lanes[at % CONCURRENCY] = story.then(
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
  '%s: told truthfully, asked with patience, and left behind once the line is good',
  async (name) => {
    const story = await observations.get(name);
    const { statuses, seconds, requestCount } = story ?? { statuses: [], seconds: 0, requestCount: Infinity };
    const states = new Set(statuses.map(({ state }) => state));
    expect([...states].filter((state) => state !== 'offline' && state !== 'catching-up')).toEqual([]);
    expect(requestCount).toBeLessThan(10 + 12 * seconds);
  },
);

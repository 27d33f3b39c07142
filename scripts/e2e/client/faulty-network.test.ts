import { setTimeout } from 'node:timers/promises';
import type { SyncStatus } from '../../../client/index.ts';
import { devicesOf, reaches, shows } from '../testing/device.ts';
import { openFaultyProxy, type Done, type Fault, type FaultyProxy } from '../testing/faulty-proxy.ts';
import { newBrowser, startTestServer, until, type TestServer } from '../testing/test-server.ts';

const WATCH_MS = 1_500;
const LANES = 6;

const answer = (body: unknown, status = 200, headers = {}): Done => ({
  kind: 'answer',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const PORTAL = '<!doctype html><title>Welcome to the hotel</title>';
const REV = `1-${'a'.repeat(32)}`;
const NOT_FOUND = { error: 'not_found', reason: 'missing' };
const page = (status = 200): Done => answer(PORTAL, status, { 'content-type': 'text/html' });

/** The fault on these requests alone. */
const on =
  (endpoint: string, done: Done): Fault =>
  (asked) =>
    asked.endpoint === endpoint ? done : undefined;
const onLongpolls =
  (done: Fault): Fault =>
  (asked) =>
    asked.isLongpoll ? done(asked) : undefined;

const FAULTS: Readonly<Record<string, Fault>> = {
  'longpolls that are answered at once with nothing': onLongpolls(({ since }) =>
    answer({ results: [], last_seq: since }),
  ),
  'longpolls that are answered at once with the same rows': onLongpolls(({ since, rows }) =>
    answer({ results: rows, last_seq: since }),
  ),
  'longpolls that are answered at once with the same rows as if they were new': onLongpolls(({ rows, count }) =>
    answer({ results: rows, last_seq: `${count}-x` }),
  ),
  'a feed that begins anew each time': (asked) =>
    asked.endpoint === '_changes' && asked.rows.length > 0
      ? answer({ results: asked.rows, last_seq: (asked.rows.at(-1) as { readonly seq: string }).seq })
      : undefined,
  'longpolls that fail': onLongpolls(() => answer(NOT_FOUND, 500)),
  'longpolls that end in their midst': onLongpolls(() => answer('{"results":[\n')),
  '_revs_diff answered by a page': on('_revs_diff', page()),
  '_revs_diff answered by a list': on('_revs_diff', answer([])),
  '_revs_diff answered by nothing': on('_revs_diff', answer({})),
  '_revs_diff answered about another document': on('_revs_diff', answer({ user_bob: { missing: [REV] } })),
  '_revs_diff answered about another revision': (asked) =>
    asked.endpoint === '_revs_diff' ? answer({ [`user_user${asked.count}`]: { missing: [REV] } }) : undefined,
  '_bulk_docs answered by a page': on('_bulk_docs', page()),
  '_bulk_docs answered by an object': on('_bulk_docs', answer({})),
  '_bulk_docs answered as if all were stored': on('_bulk_docs', answer([])),
  '_bulk_docs answered about another document': on('_bulk_docs', answer([{ id: 'user_bob', ok: true, rev: REV }])),
  '_bulk_docs refused as a whole': on('_bulk_docs', page(413)),
  '_bulk_get answered by a page': on('_bulk_get', page()),
  '_bulk_get answered by no rows': on('_bulk_get', answer({ results: [] })),
  '_bulk_get answered by empty rows': on('_bulk_get', answer({ results: [{ id: 'user_bob', docs: [{}] }] })),
  'a captive portal that answers everything with its page': () => page(),
  'a captive portal that redirects': () => answer('', 302, { location: 'http://127.0.0.1:9/sign-in' }),
  'a captive portal that wants a sign-in of its own': () => page(401),
  'nothing there': () => answer(NOT_FOUND, 404),
  'another server there': () => page(404),
  'a server that fails': () => answer({ error: 'internal_server_error' }, 500),
  'a server that has too much to do': () => answer({ error: 'service_unavailable' }, 503, { 'retry-after': '1' }),
  'answers without a body': () => answer(''),
  'answers cut off in their midst': () => ({ kind: 'cut' }),
  'answers that are half of what they were': () => ({ kind: 'truncate' }),
  'no answers': () => ({ kind: 'drop' }),
};

/** What happened to a device while there was the fault. */
interface Story {
  readonly statuses: readonly SyncStatus[];
  readonly seconds: number;
  readonly asked: number;
}

let server: TestServer;
const devices = devicesOf(() => server);
const proxies: FaultyProxy[] = [];

/** Edits on both sides of the line, while the fault is there; then it goes, and nobody says so. */
async function live(fault: Fault): Promise<Story> {
  const user = devices.newUser();
  const proxy = await openFaultyProxy(server.url);
  proxies.push(proxy);
  const { store } = devices.open(user, newBrowser(), {
    url: server.registry.replace(server.url, proxy.url),
    timing: { heartbeat: 1_000, silence: 5_000 },
    environment: { random: () => 0 },
  });
  const other = devices.open(user).store;
  await Promise.all([reaches(store, 'live'), reaches(other, 'live')]);

  proxy.setFault(() => ({ kind: 'drop' }));
  // The open longpoll is answered by the other's edit, and the next one is dropped.
  await other.set({ viewMode: 'graph' });
  await reaches(store, 'offline');
  await store.set({ theme: 'dark' });
  await reaches(store, 'offline', 1);
  await reaches(other, 'live', 0);

  const begun = performance.now();
  const statuses: SyncStatus[] = [];
  const endRecord = store.subscribe(() => statuses.push(store.status()));
  proxy.setFault(fault);
  // Asking in circles shows in the number of requests in a given time, not in any event.
  await Promise.all([until(proxy.subscribe, () => proxy.counts().faulted >= 3), setTimeout(WATCH_MS)]);
  endRecord();
  const { asked } = proxy.counts();
  const seconds = (performance.now() - begun) / 1_000;

  proxy.setFault(undefined);
  const both = { theme: 'dark', viewMode: 'graph' } as const;
  await Promise.all([shows(store, both), shows(other, both), reaches(store, 'live', 0)]);
  return { statuses, seconds, asked };
}

const stories = new Map<string, Promise<Story>>();
beforeAll(async () => {
  server = await startTestServer();
  // Each waits more than it works: some go side by side, each with a user, two devices and a line of its own.
  const lanes = Array.from({ length: LANES }, () => Promise.resolve());
  Object.entries(FAULTS).forEach(([name, fault], at) => {
    const story = (lanes[at % LANES] ?? Promise.resolve()).then(() => live(fault));
    stories.set(name, story);
    lanes[at % LANES] = story.then(
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
    const story = await stories.get(name);
    const { statuses, seconds, asked } = story ?? { statuses: [], seconds: 0, asked: Infinity };
    const states = new Set(statuses.map(({ state }) => state));
    expect([...states].filter((state) => state !== 'offline' && state !== 'catching-up')).toEqual([]);
    expect(asked).toBeLessThan(10 + 12 * seconds);
  },
);

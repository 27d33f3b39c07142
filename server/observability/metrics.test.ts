import http from 'node:http';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { eventually } from '../testing/fake-couchdb.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ METRICS_PORT: '0' });
  await eventually(() => gate.pouchgate.hub.connected && gate.pouchgate.identity.accessMonitor.connected);
});
afterAll(() => gate.close());

const read = async (): Promise<string> => (await fetch(gate.pouchgate.metricsUrl ?? '')).text();

/** The names of all series, labels and all, without their values. */
const seriesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();

const valueOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  );

/** Everything that a user may do, and some of what they may not. */
async function doEverything(username: string, other: string): Promise<void> {
  const own = `user_${username}`;
  const auth = (path: string, body: object): Promise<Response> =>
    fetch(`${gate.url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await auth('register', { username, password: `password of ${username}` });
  await auth('sign-in', { username, password: `not the one of ${username}` });
  await auth('sign-in', { username, password: `password of ${username}` });
  await gate.request(username, '/_changes');
  const doc = (await (await gate.request(username, `/${own}`)).json()) as Record<string, unknown>;
  await gate.request(username, `/user_${other}`);
  await gate.request(username, `/_local/${username}${other}`);
  await gate.request(username, `/${other}/${username}?${other}`, { method: 'DELETE' });
  await gate.request(username, '/_changes', { method: 'DELETE' });
  await fetch(`${gate.database}/_changes`, { headers: { authorization: `Bearer ${username}` } });
  await gate.request(username, '/_bulk_docs', { method: 'POST', body: { docs: 1 } });
  await gate.request(username, '/_bulk_docs', {
    method: 'POST',
    body: { docs: [{ _id: `user_${other}` }, { ...doc, [other]: username }, { ...doc, _rev: `1-${'0'.repeat(32)}` }] },
  });
  // Its head comes once it is parked.
  const live = await gate.request(username, '/_changes?feed=longpoll&since=now');
  const stored = await gate.registry().get(own);
  await gate.registry().insert(Object.assign(stored, { updated_at: new Date().toISOString() }));
  await live.text();
}

it('no label holds a username or an id, and there are no more of them for fifty users than for one', async () => {
  const { upstream } = gate;
  await doEverything(upstream.accountName('alice'), 'bob');
  await doEverything(upstream.accountName('bob'), 'alice');
  const two = await read();
  expect(two).not.toMatch(/alice|bob/i);
  for (let n = 0; n < 50; n += 1) await doEverything(upstream.accountName(`someone${n}`), 'bob');
  const fifty = await read();
  expect(fifty).not.toMatch(/alice|bob|someone/i);
  const ours = (text: string): string[] => seriesOf(text).filter((series) => series.startsWith('pouchgate_'));
  expect(ours(fifty)).toEqual(ours(two));
}, 120_000);

it('counts what has happened', async () => {
  const before = await read();
  await doEverything(gate.upstream.accountName('counted'), 'nobody');
  const after = await read();
  const more = (series: string): number => valueOf(after, series) - (valueOf(before, series) || 0);
  expect(more('pouchgate_denied_writes_total{reason="not_own"}')).toBe(1);
  expect(more('pouchgate_denied_writes_total{reason="invalid"}')).toBe(1);
  expect(more('pouchgate_denied_writes_total{reason="conflict"}')).toBe(1);
  expect(more('pouchgate_refused_requests_total{reason="unauthorized",status="401"}')).toBe(2);
  expect(more('pouchgate_refused_requests_total{reason="method_not_allowed",status="405"}')).toBe(1);
  expect(more('pouchgate_refused_requests_total{reason="bad_request",status="400"}')).toBe(1);
  expect(more('pouchgate_wakes_total')).toBeGreaterThanOrEqual(1);
  expect(more('pouchgate_delivery_seconds_count')).toBe(1);
  expect(more('pouchgate_upstream_requests_total{kind="forward",status="2xx"}')).toBeGreaterThan(1);
  expect(more('pouchgate_upstream_requests_total{kind="leaves",status="2xx"}')).toBeGreaterThan(0);
  expect(more('pouchgate_upstream_requests_total{kind="facts",status="2xx"}')).toBeGreaterThan(0);
  expect(more('pouchgate_upstream_requests_total{kind="sign-in",status="2xx"}')).toBe(1);
  expect(more('pouchgate_upstream_requests_total{kind="sign-in",status="4xx"}')).toBe(1);
});

it('shows what there is now', async () => {
  const aborting = new AbortController();
  const { signal } = aborting;
  const url = (feed: string): string => `${gate.database}/_changes?feed=${feed}&since=now&heartbeat=1000`;
  const headers = { authorization: `Bearer ${gate.token('watcher')}` };
  for (const feed of ['longpoll', 'longpoll', 'continuous', 'eventsource']) await fetch(url(feed), { headers, signal });
  const text = await read();
  expect(valueOf(text, 'pouchgate_waiters{feed="longpoll"}')).toBe(2);
  expect(valueOf(text, 'pouchgate_waiters{feed="continuous"}')).toBe(1);
  expect(valueOf(text, 'pouchgate_waiters{feed="eventsource"}')).toBe(1);
  for (const feed of ['registry', 'sessions']) {
    expect(valueOf(text, `pouchgate_feed_up{feed="${feed}"}`)).toBe(1);
    expect(valueOf(text, `pouchgate_feed_restarts_total{feed="${feed}"}`)).toBe(0);
    expect(valueOf(text, `pouchgate_feed_silence_seconds{feed="${feed}"}`)).toBeLessThan(12.5);
  }
  expect(valueOf(text, 'pouchgate_upstream_connections{pool="own"}')).toBeGreaterThan(0);
  expect(valueOf(text, 'nodejs_heap_size_used_bytes')).toBeGreaterThan(0);
  aborting.abort();
  await eventually(async () => valueOf(await read(), 'pouchgate_waiters{feed="longpoll"}') === 0);
});

it('how far the feed is behind is told once it is known, by the readiness probe', async () => {
  await fetch(`${gate.url}/readyz`);
  expect(valueOf(await read(), 'pouchgate_feed_pending_changes')).toBe(0);
});

it('the port of the metrics has nothing else, and the port of the gate has no metrics', async () => {
  const url = gate.pouchgate.metricsUrl ?? '';
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect((await fetch(url, { method })).status).toBe(405);
  for (const path of [
    '',
    '/',
    '/metrics/',
    '/healthz',
    `/sync/${gate.upstream.names.registry}`,
    '/METRICS',
    '//metrics',
  ]) {
    const { port } = new URL(url);
    const status = await new Promise((resolve) =>
      http.get({ host: '127.0.0.1', port, path: path === '' ? '/' : path }, (answer) =>
        resolve(answer.resume().statusCode),
      ),
    );
    expect([path, status]).toEqual([path, 404]);
  }
  expect((await fetch(`${gate.url}/metrics`)).status).toBe(404);
});

it('a port that is taken is said in a sentence that names the variable', async () => {
  const { port } = new URL(gate.pouchgate.metricsUrl ?? '');
  await expect(startTestGate({ METRICS_PORT: port })).rejects.toThrow(
    new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is taken: .* set METRICS_PORT to another one`),
  );
});

it('without a port there are none', async () => {
  const quiet = await startTestGate();
  expect(quiet.pouchgate.metricsUrl).toBeUndefined();
  await quiet.close();
});

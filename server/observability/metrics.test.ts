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

/** Returns the names of all series with their labels, without the values. */
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

/** Sends every kind of request that a user may send, and several that are rejected. */
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
    body: {
      docs: [
        { _id: `user_${other}` },
        { ...doc, [`_${other}`]: username },
        { ...doc, preferences: { theme: other } },
        { ...doc, _rev: `1-${'0'.repeat(32)}` },
      ],
    },
  });
  // The headers arrive once the request is parked.
  const live = await gate.request(username, '/_changes?feed=longpoll&since=now');
  const stored = await gate.registry().get(own);
  await gate.registry().insert(Object.assign(stored, { updated_at: new Date().toISOString() }));
  await live.text();
}

it('no label contains a username or an id, and fifty users add no series', async () => {
  const { upstream } = gate;
  await doEverything(upstream.accountName('alice'), 'bob');
  await doEverything(upstream.accountName('bob'), 'alice');
  // The first scrape checks the readiness, which sends a request that the second one counts.
  await read();
  const two = await read();
  expect(two).not.toMatch(/alice|bob/i);
  for (let n = 0; n < 50; n += 1) await doEverything(upstream.accountName(`someone${n}`), 'bob');
  const fifty = await read();
  expect(fifty).not.toMatch(/alice|bob|someone/i);
  const ownSeries = (text: string): string[] => seriesOf(text).filter((series) => series.startsWith('pouchgate_'));
  expect(ownSeries(fifty)).toEqual(ownSeries(two));
});

it('counts rejected requests, denied writes, wakes, deliveries and upstream requests', async () => {
  const before = await read();
  await doEverything(gate.upstream.accountName('counted'), 'uncounted');
  const after = await read();
  const increase = (series: string): number => valueOf(after, series) - (valueOf(before, series) || 0);
  expect(increase('pouchgate_denied_writes_total{reason="not_own"}')).toBe(1);
  expect(increase('pouchgate_denied_writes_total{reason="invalid"}')).toBe(1);
  expect(increase('pouchgate_denied_writes_total{reason="schema"}')).toBe(1);
  expect(increase('pouchgate_denied_writes_total{reason="conflict"}')).toBe(1);
  expect(increase('pouchgate_refused_requests_total{reason="unauthorized",status="401"}')).toBe(2);
  expect(increase('pouchgate_refused_requests_total{reason="method_not_allowed",status="405"}')).toBe(1);
  expect(increase('pouchgate_refused_requests_total{reason="bad_request",status="400"}')).toBe(1);
  expect(increase('pouchgate_wakes_total')).toBeGreaterThanOrEqual(1);
  expect(increase('pouchgate_delivery_seconds_count')).toBe(1);
  expect(increase('pouchgate_upstream_requests_total{kind="forward",status="2xx"}')).toBeGreaterThan(1);
  expect(increase('pouchgate_upstream_requests_total{kind="leaves",status="2xx"}')).toBeGreaterThan(0);
  expect(increase('pouchgate_upstream_requests_total{kind="facts",status="2xx"}')).toBeGreaterThan(0);
  expect(increase('pouchgate_upstream_requests_total{kind="sign-in",status="2xx"}')).toBe(4);
  expect(increase('pouchgate_sign_ins_total{outcome="accepted"}')).toBe(1);
  expect(increase('pouchgate_sign_ins_total{outcome="wrong"}')).toBe(1);
});

it('counts requests by kind and status class, and times all of them but live ones', async () => {
  const before = await read();
  await doEverything(gate.upstream.accountName('timed'), 'untimed');
  const after = await read();
  const increase = (series: string): number => valueOf(after, series) - (valueOf(before, series) || 0);
  const requests = (kind: string, status: string): number =>
    increase(`pouchgate_requests_total{kind="${kind}",status="${status}"}`);
  const timed = (kind: string, status: string): number =>
    increase(`pouchgate_request_duration_seconds_count{kind="${kind}",status="${status}"}`);
  const expected = [
    ['auth register', '2xx', 1],
    ['auth sign-in', '2xx', 1],
    ['auth sign-in', '4xx', 1],
    ['gate changes', '2xx', 1],
    ['gate changes', '4xx', 2],
    ['gate document', '2xx', 1],
    ['gate document', '4xx', 1],
    ['gate checkpoint', '4xx', 1],
    ['gate unknown', '4xx', 1],
    ['gate bulk-docs', '2xx', 1],
    ['gate bulk-docs', '4xx', 1],
  ] as const;
  for (const [kind, status, count] of expected)
    expect([kind, status, requests(kind, status), timed(kind, status)]).toEqual([kind, status, count, count]);
  expect(requests('gate live', '2xx')).toBe(1);
  expect(after).not.toContain('pouchgate_request_duration_seconds_count{kind="gate live"');
  expect(increase('pouchgate_request_duration_seconds_bucket{le="+Inf",kind="gate changes",status="2xx"}')).toBe(1);
});

it('counts the documents that are not served because a field looks like a secret', async () => {
  const username = gate.upstream.accountName('secretive');
  const own = `user_${username}`;
  await gate.request(username, `/${own}`);
  const before = valueOf(await read(), 'pouchgate_withheld_documents_total');
  const stored = await gate.registry().get(own);
  await gate.registry().insert(Object.assign(stored, { preferences: { apiToken: 'x' } }));
  expect((await gate.request(username, `/${own}`)).status).toBe(403);
  expect(valueOf(await read(), 'pouchgate_withheld_documents_total')).toBe(before + 1);
});

it('reports every check of the readiness endpoint', async () => {
  const { checks } = (await (await fetch(`${gate.url}/readyz`)).json()) as { checks: Record<string, boolean> };
  const text = await read();
  for (const check of Object.keys(checks)) expect(valueOf(text, `pouchgate_ready{check="${check}"}`)).toBe(1);
});

it('reports the current waiters, feeds and connections', async () => {
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
  for (const share of ['upstream', 'service', 'turn', 'memory'])
    expect(valueOf(text, `pouchgate_waiting_requests{share="${share}"}`)).toBe(0);
  expect(valueOf(text, 'nodejs_heap_size_used_bytes')).toBeGreaterThan(0);
  aborting.abort();
  await eventually(async () => valueOf(await read(), 'pouchgate_waiters{feed="longpoll"}') === 0);
});

it('reports how far the feed is behind once the readiness probe has run', async () => {
  await fetch(`${gate.url}/readyz`);
  expect(valueOf(await read(), 'pouchgate_feed_pending_changes')).toBe(0);
});

it("reports the leaves of the documents that are read, and the offset of the database's clock", async () => {
  const username = gate.upstream.accountName('forked');
  await gate.request(username, '/_changes');
  const before = await read();
  const id = `user_${username}`;
  const docs = Array.from({ length: 40 }, (_, n) => ({
    _id: id,
    _rev: `1-${n.toString(16).padStart(32, '0')}`,
    _deleted: true,
  }));
  await gate.registry().bulk({ docs, new_edits: false });
  await gate.request(username, '/_changes');
  const after = await read();
  const increase = (series: string): number => valueOf(after, series) - valueOf(before, series);
  expect(increase('pouchgate_document_leaves_count')).toBe(1);
  expect(increase('pouchgate_document_leaves_bucket{le="32"}')).toBe(0);
  expect(increase('pouchgate_document_leaves_bucket{le="64"}')).toBe(1);
  expect(Math.abs(valueOf(after, 'pouchgate_clock_offset_seconds'))).toBeLessThan(60);
});

it('the metrics port serves only /metrics, and the gate’s port serves none', async () => {
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
      http.get({ host: '127.0.0.1', port, path: path === '' ? '/' : path }, (response) =>
        resolve(response.resume().statusCode),
      ),
    );
    expect([path, status]).toEqual([path, 404]);
  }
  expect((await fetch(`${gate.url}/metrics`)).status).toBe(404);
});

it('rejects with a message that names the variable if the port is in use', async () => {
  const { port } = new URL(gate.pouchgate.metricsUrl ?? '');
  await expect(startTestGate({ METRICS_PORT: port })).rejects.toThrow(
    new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is in use\\. .* set METRICS_PORT to another port`),
  );
});

it('serves no metrics without a metrics port', async () => {
  const quiet = await startTestGate();
  expect(quiet.pouchgate.metricsUrl).toBeUndefined();
  await quiet.close();
});

import { once } from 'node:events';
import http, { createServer, type IncomingMessage } from 'node:http';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { nextEditStamp, stampTime } from '../../../couchdb-design/user-document/edit-stamp.ts';
import type { UserPreferencesResponse } from '../../../server/contract.ts';
import { createPouchgate } from '../../../server/index.ts';
import { listen } from '../../../server/http/listen.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startFaultyProxy, startProxiedGate, type ProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { createRecordedLog } from '../../../server/testing/recorded-log.ts';
import { runUsersCommand } from '../../../server/testing/run-users-command.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startEmbeddedEngine } from '../../../server/upstream/embedded/engine.ts';
import { sumMetric } from '../../bench/report/prometheus-text.ts';

/** Gates and databases whose clocks are wrong. Edits are dated by the database's clock, and none is refused or loses. */

const DAY_MS = 86_400_000;
const TWO_DAYS_BEHIND = -2 * DAY_MS;
const THREE_DAYS_AHEAD = 3 * DAY_MS;
/** The resolution of `Date`, and the difference that is not corrected. */
const TOLERANCE_MS = 3_500;
const ORIGIN = 'https://app.example';

/** A clock of a gate that the test sets. */
const createLocalClock = (skewMs: number) => {
  const clock = { skewMs, now: (): number => Date.now() + clock.skewMs };
  return clock;
};

/** A token that no clock of these tests makes expire. */
const authorization = (gate: TestGate, username: string): Record<string, string> => ({
  authorization: `Bearer ${gate.token(username, { exp: Math.floor(Date.now() / 1000) + 30 * 86_400 })}`,
});

async function patch(gate: TestGate, username: string, preferences: object): Promise<Response> {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { ...authorization(gate, username), 'content-type': 'application/merge-patch+json', origin: ORIGIN },
    body: JSON.stringify(preferences),
  });
  expect(response.status).toBe(200);
  return response;
}

interface StoredDocument {
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly edits: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly updated_at: string;
}

const readStored = async (gate: TestGate, username: string): Promise<StoredDocument> =>
  (await gate.registry().get(`user_${username}`)) as unknown as StoredDocument;

/** Expects a time between these two, as precise as `Date` is. */
function expectBetween(time: number, from: number, to: number): void {
  expect(time).toBeGreaterThanOrEqual(from - TOLERANCE_MS);
  expect(time).toBeLessThanOrEqual(to + TOLERANCE_MS);
}

const dateOf = (response: Response): number => Date.parse(response.headers.get('date') ?? '');

describe.each([
  ['two days behind', TWO_DAYS_BEHIND],
  ['three days ahead', THREE_DAYS_AHEAD],
])('a gate whose clock is %s', (_name, skewMs) => {
  const recorded = createRecordedLog();
  let proxied: ProxiedGate;
  let gate: TestGate;
  beforeAll(async () => {
    const { now } = createLocalClock(skewMs);
    proxied = await startProxiedGate({ env: { METRICS_PORT: '0' }, log: recorded.log, now });
    ({ gate } = proxied);
  });
  afterAll(() => proxied.close());

  test('dates documents and edits by the clock of the database', async () => {
    const username = gate.upstream.accountName('dated');
    const startedAt = Date.now();
    await patch(gate, username, { theme: 'dark' });
    const { edits, created_at, updated_at } = await readStored(gate, username);
    const times = [stampTime(edits['theme'] ?? ''), Date.parse(created_at), Date.parse(updated_at)];
    for (const time of times) expectBetween(time, startedAt, Date.now());
  });

  test.each([-400, -3, 0, 3, 400])('accepts an edit of a device that is dated %i days ahead', async (days) => {
    const username = gate.upstream.accountName(`device${days}`);
    await patch(gate, username, { theme: 'light' });
    const url = `${gate.database}/user_${username}`;
    const headers = { ...authorization(gate, username), 'content-type': 'application/json' };
    const document = (await (await fetch(url, { headers })).json()) as StoredDocument;
    const stamp = nextEditStamp({ now: Date.now() + days * DAY_MS, device: 'wrong', seen: undefined });
    const edited = {
      ...document,
      preferences: { ...document.preferences, viewMode: 'table' },
      edits: { ...document.edits, viewMode: stamp },
    };
    const response = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(edited) });
    expect([response.status, (await readStored(gate, username)).edits['viewMode']]).toEqual([201, stamp]);
    // The next edit wins, also over a stamp from the future.
    await patch(gate, username, { viewMode: 'graph' });
    expect((await readStored(gate, username)).preferences).toEqual({ theme: 'light', viewMode: 'graph' });
  });

  test('stays ready, with a warning, and reports the difference in the log once, and in the metrics', async () => {
    await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
    expect(await (await fetch(`${gate.url}/readyz`)).json()).toMatchObject({
      status: 'ready',
      warnings: ['The clocks of the gate and of the database differ by more than a minute.'],
    });
    const metrics = await (await fetch(gate.pouchgate.metricsUrl ?? '')).text();
    expectBetween((sumMetric(metrics, 'pouchgate_clock_offset_seconds') ?? 0) * 1000, -skewMs, -skewMs);
    const lines = recorded.lines.filter(({ offsetSeconds }) => offsetSeconds !== undefined);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.level).toBe(40);
    const [databaseTime, gateTime] = [lines[0]?.['databaseTime'], lines[0]?.['gateTime']];
    expectBetween(Date.parse(String(databaseTime)) - Date.parse(String(gateTime)), -skewMs, -skewMs);
  });
});

test("the responses of a gate have the date of the database's clock, and pages of other origins can read it", async () => {
  const { upstream, proxy } = await startShiftedUpstream();
  const gate = await startTestGate({ CORS_ORIGINS: ORIGIN }, { upstream, access: proxy.access });
  const username = upstream.accountName('reader');
  const headers = { ...authorization(gate, username), origin: ORIGIN };
  const startedAt = Date.now();
  const changes = `${gate.database}/_changes`;
  const responses = [
    await patch(gate, username, { theme: 'dark' }),
    await fetch(`${gate.url}/api/users/preferences`, { headers }),
    await fetch(`${gate.url}/api/users/preferences`, { headers: { origin: ORIGIN } }),
    await fetch(changes, { headers }),
    await fetch(`${changes}?feed=longpoll&since=now&timeout=1000`, { headers }),
    await fetch(`${changes}?feed=eventsource&since=now&timeout=1000`, { headers }),
    await fetch(`${gate.url}/api/auth/refresh`, { method: 'POST', headers: { origin: ORIGIN } }),
  ];
  for (const response of responses) {
    expectBetween(dateOf(response), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
    await response.text();
  }
  for (const response of responses.slice(0, -1)) {
    expect(response.headers.get('access-control-expose-headers')?.toLowerCase().split(',')).toContain('date');
  }
  await gate.close();
  await proxy.close();
  await upstream.close();
});

/** Starts a database behind a proxy, whose clock seems to be three days ahead. */
async function startShiftedUpstream() {
  const upstream = await startTestUpstream();
  const proxy = await startFaultyProxy(upstream);
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  return { upstream, proxy };
}

test('a gate whose clock is two days behind sends tokens that CouchDB accepts', async () => {
  const engine = closeAfterTests(await startEmbeddedEngine({ storage: { kind: 'memory', name: 'clocks' } }));
  const upstream = await startTestUpstream();
  const gate = await startTestGate(
    { COUCHDB_JWT_SECRET: engine.jwtSecret.toString('base64') },
    { upstream, access: engine.access, now: createLocalClock(TWO_DAYS_BEHIND).now },
  );
  expect((await gate.request('ida', '/_changes')).status).toBe(200);
  expect((await gate.request('ida', '/user_ida')).status).toBe(200);
  await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
  await gate.close();
  await upstream.close();
  await engine.close();
});

test("jumps of a running gate's clock change neither the dates of edits nor the heartbeats of live requests", async () => {
  const clock = createLocalClock(0);
  const gate = await startTestGate({}, { now: clock.now });
  const username = gate.upstream.accountName('jumper');
  await patch(gate, username, { theme: 'light' });
  const live = await openContinuousFeed(gate, username);
  for (const [skewMs, theme] of [
    [THREE_DAYS_AHEAD, 'dark'],
    [TWO_DAYS_BEHIND, 'light'],
    [0, 'dark'],
  ] as const) {
    clock.skewMs = skewMs;
    const startedAt = Date.now();
    expectBetween(dateOf(await patch(gate, username, { theme })), startedAt, Date.now());
    const { edits, preferences } = await readStored(gate, username);
    expect(preferences['theme']).toBe(theme);
    expectBetween(stampTime(edits['theme'] ?? ''), startedAt, Date.now());
    await live.nextHeartbeat();
  }
  live.close();
  await gate.close();
});

/** Opens a continuous feed with a heartbeat per second. */
async function openContinuousFeed(gate: TestGate, username: string) {
  const url = `${gate.database}/_changes?feed=continuous&since=now&heartbeat=1000`;
  const request = http.get(url, { agent: false, headers: authorization(gate, username) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let heartbeats = 0;
  // A row ends with a newline as well, and starts with a brace.
  response.on('data', (text: string) => (heartbeats += /^\n/m.test(text) ? 1 : 0));
  return {
    nextHeartbeat: async () => {
      const before = heartbeats;
      await eventually(() => heartbeats > before);
    },
    close: () => request.destroy(),
  };
}

test('edits of gates with different clocks count in the order in which they were made', async () => {
  const upstream = await startTestUpstream();
  const startGate = (skewMs: number): Promise<TestGate> =>
    startTestGate({}, { upstream, access: upstream.nextAccess(), now: createLocalClock(skewMs).now });
  const [behind, ahead] = [await startGate(TWO_DAYS_BEHIND), await startGate(THREE_DAYS_AHEAD)];
  const username = upstream.accountName('shared');
  const startedAt = Date.now();
  for (const [gate, theme] of [
    [ahead, 'dark'],
    [behind, 'light'],
    [ahead, 'dark'],
    [behind, 'light'],
  ] as const) {
    await patch(gate, username, { theme });
    for (const reader of [behind, ahead]) {
      const headers = authorization(reader, username);
      const response = await fetch(`${reader.url}/api/users/preferences`, { headers });
      const body = (await response.json()) as UserPreferencesResponse;
      expect(body.preferences.theme).toBe(theme);
      expectBetween(Date.parse(body.updatedAt), startedAt, Date.now());
    }
  }
  await Promise.all([behind.close(), ahead.close()]);
  await upstream.close();
});

test('edits still win after the clock of the database was three days ahead for a while', async () => {
  const proxied = await startProxiedGate();
  const { gate, proxy } = proxied;
  const username = gate.upstream.accountName('ahead');
  await patch(gate, username, { theme: 'light' });
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  // Until most of the last responses show it.
  await eventually(async () => {
    await patch(gate, username, { theme: 'dark' });
    await patch(gate, username, { theme: 'light' });
    return stampTime((await readStored(gate, username)).edits['theme'] ?? '') > Date.now() + 2 * DAY_MS;
  });
  proxy.clockOffsetMs = 0;
  const { edits: before } = await readStored(gate, username);
  for (const theme of ['dark', 'light', 'dark']) {
    await patch(gate, username, { theme });
    expect((await readStored(gate, username)).preferences['theme']).toBe(theme);
  }
  const { edits } = await readStored(gate, username);
  expect(String(edits['theme']) > String(before['theme'])).toBe(true);
  await proxied.close();
});

test('an edit wins over a stamp that is three days ahead, whoever made it', async () => {
  const gate = await startTestGate();
  const username = gate.upstream.accountName('stamped');
  await patch(gate, username, { theme: 'light' });
  const stored = await gate.registry().get(`user_${username}`);
  const stamp = nextEditStamp({ now: Date.now() + THREE_DAYS_AHEAD, device: 'wrong', seen: undefined });
  const edited = { preferences: { theme: 'dark' }, edits: { theme: stamp }, updated_at: stamp.slice(0, 24) };
  await gate.registry().insert(Object.assign(stored, edited));
  await patch(gate, username, { theme: 'light' });
  const { preferences, edits } = await readStored(gate, username);
  expect(preferences).toEqual({ theme: 'light' });
  expect(String(edits['theme']) > stamp).toBe(true);
  await gate.close();
});

test('the users command dates edits by the clock of the database', async () => {
  const upstream = await startTestUpstream();
  const proxy = await startFaultyProxy(upstream);
  const gate = await startTestGate({}, { upstream, access: upstream.nextAccess() });
  const username = upstream.accountName('operated');
  await patch(gate, username, { theme: 'light' });
  // The machine of the operator seems to be three days behind.
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  const env = { ...upstream.env(proxy.access), JWT_SECRET: 'a secret for tests, and for nothing else at all' };
  const startedAt = Date.now();
  expect(await runUsersCommand(env, ['set', username, 'theme', 'dark'])).toMatchObject({ code: 0, stderr: '' });
  const { edits } = await readStored(gate, username);
  expectBetween(stampTime(edits['theme'] ?? ''), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  await gate.close();
  await proxy.close();
  await upstream.close();
});

test('a gate that an application mounts dates edits by the clock of the database, and logs the difference', async () => {
  const { upstream, proxy } = await startShiftedUpstream();
  const recorded = createRecordedLog();
  const { registry, sessions } = upstream.names;
  const pouchgate = await createPouchgate({
    couchdb: proxy.access,
    authenticate: () => undefined,
    registry,
    sessions,
    log: recorded.log,
  });
  const startedAt = Date.now();
  const { edits } = await pouchgate.edit(upstream.accountName('ida'), { theme: 'dark' });
  expectBetween(Date.parse(edits['theme']?.at ?? ''), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  expect(recorded.lines.filter(({ offsetSeconds }) => offsetSeconds !== undefined)).toHaveLength(1);
  const server = closeAfterTests(createServer((req, res) => pouchgate.listener(req, res)));
  const url = await listen(server, { host: '127.0.0.1', port: 0, variables: { host: 'HOST', port: 'PORT' } });
  for (const path of ['/api/users/preferences', `/sync/${registry}/_changes`]) {
    const response = await fetch(url + path);
    expect(response.status).toBe(401);
    expectBetween(dateOf(response), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  }
  server.closeAllConnections();
  server.close();
  await pouchgate.close();
  await proxy.close();
  await upstream.close();
});

import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { nextEditStamp, stampTime } from '../../../couchdb-design/user-document/edit-stamp.ts';
import type { UserPreferencesResponse } from '../../../server/contract.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startProxiedGate, type ProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { createRecordedLog } from '../../../server/testing/recorded-log.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';
import { sumMetric } from '../../bench/report/prometheus-text.ts';
import {
  authorization,
  createLocalClock,
  dateOf,
  DAY_MS,
  expectBetween,
  openContinuousFeed,
  patch,
  readStored,
  THREE_DAYS_AHEAD,
  TWO_DAYS_BEHIND,
  type StoredDocument,
} from './testing/wrong-clocks.ts';

/** Gates whose clocks are wrong. Edits are dated by the database's clock, and none is refused or loses. */

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

test('a gate whose clock is two days behind sends tokens that CouchDB accepts', async () => {
  const engine = closeAfterTests(await startMemoryEngine());
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

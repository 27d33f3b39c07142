import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { telegramLinkSchema } from '../../../server/contract.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import type { UpstreamAccess } from '../../../server/upstream/client.ts';
import { startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';

let api: FakeTelegramApi;
let upstream: TestUpstream;
let front: FaultyProxy;
const gates: TestGate[] = [];

beforeEach(async () => {
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
  front = await startFaultyProxy(upstream);
});
afterEach(async () => {
  await Promise.all(gates.splice(0).map((gate) => gate.close()));
  await front.close();
  await upstream.close();
  await api.close();
});

/** In ms: long enough for a slow machine to renew it, and short enough for a test. */
const LEASE_MS = scaleMs(1_500);
/** Where a lease must not expire. The other gate tries to get it three times in that time. */
const LONG_LEASE_MS = scaleMs(9_000);

const startGate = async (
  label: string,
  access?: UpstreamAccess,
  { skew = 0, leaseMs = LEASE_MS } = {},
): Promise<TestGate> => {
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot(label) };
  const now = (): number => Date.now() + skew;
  const telegramTimes = { leaseMs, backoff: { initialMs: 20, maxMs: 200 }, now };
  const gate = await startTestGate(env, { upstream, telegramTimes, access: access ?? upstream.nextAccess() });
  gates.push(gate);
  return gate;
};
const waitForPoll = (label: string, from = 0) =>
  api.waitForCall((call) => call.method === 'getUpdates' && call.label === label, from);
const requestLinkCode = async (gate: TestGate, user: string) => {
  const headers = { authorization: `Bearer ${gate.token(user)}` };
  const response = await fetch(`${gate.url}/api/users/telegram/link`, { method: 'POST', headers });
  return telegramLinkSchema.parse(await response.json()).code;
};
/** The offsets of all polls, the oldest first. */
const polledOffsets = (): readonly number[] =>
  api.calls.flatMap(({ method, payload }) => (method === 'getUpdates' ? [payload.offset ?? 0] : []));

test('one of two gates polls, and the other takes over immediately when the first is closed', async () => {
  const first = await startGate('first', undefined, { leaseMs: LONG_LEASE_MS });
  await waitForPoll('first');
  // Its clock is an hour ahead, which must not matter.
  const second = await startGate('second', undefined, { skew: 3_600_000, leaseMs: LONG_LEASE_MS });
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage(`/start ${await requestLinkCode(second, 'ada')}`)).text).toContain('linked to ada');
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
  expect(api.pollingLabel).toBe('first');
  expect(api.calls.some(({ method, label }) => method === 'getUpdates' && label === 'second')).toBe(false);

  const before = api.calls.length;
  await first.close();
  await waitForPoll('second', before);
  expect((await person.sendMessage('/theme light')).text).toBe('Theme: light');
  expect(api.conflicts).toBe(0);
  expect(polledOffsets()).toEqual(polledOffsets().toSorted((a, b) => a - b));
});

test('a gate without the database stops polling, another takes over, and no update is handled twice', async () => {
  const first = await startGate('first', front.access);
  await waitForPoll('first');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage(`/start ${await requestLinkCode(first, 'ada')}`)).text).toContain('linked to ada');
  await startGate('second');
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');

  await front.kill();
  const beforeCut = api.calls.length;
  // The first gate receives the update and cannot claim it.
  const reply = person.sendMessage('/theme dark');
  await waitForPoll('second', beforeCut);
  expect((await reply).text).toBe('Theme: dark');
  const { label } = await api.waitForCall(({ method }) => method === 'sendMessage', beforeCut);
  expect(label).toBe('second');

  // The first gate sees the new lease once the database is back, and waits.
  await front.restart();
  expect((await person.sendMessage('/view table')).text).toBe('View: table');
  const sent = api.calls.slice(beforeCut).filter(({ method }) => method === 'sendMessage');
  expect(sent.map((call) => [call.label, call.payload.text])).toEqual([
    ['second', 'Theme: dark'],
    ['second', 'View: table'],
  ]);
  expect(api.conflicts).toBe(0);
});

test('a gate without the database aborts its poll before another gate polls', async () => {
  await startGate('first', front.access);
  await waitForPoll('first');
  await startGate('second');
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');
  await front.kill();
  await waitForPoll('second');
  expect(api.conflicts).toBe(0);
  expect(api.pollingLabel).toBe('second');
});

test('updates that a gate has claimed are not handled again, even if Telegram received no acknowledgement', async () => {
  const first = await startGate('first');
  await waitForPoll('first');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage('/help')).text).toContain('what you can send');
  const before = api.calls.length;
  // The first gate closes before it could acknowledge the update, so Telegram delivers it to the next one.
  api.fault = ({ method }) => (method === 'getUpdates' ? { error_code: 502, description: 'Bad Gateway' } : undefined);
  await first.close();
  api.fault = undefined;
  await startGate('second');
  await waitForPoll('second', before);
  expect((await person.sendMessage('/start')).text).toContain('not linked');
  const sent = api.calls.slice(before).filter(({ method }) => method === 'sendMessage');
  expect(sent).toHaveLength(1);
});

test('handles updates with lower ids after a week without updates', async () => {
  const clock = { skippedMs: 0 };
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot('first') };
  const telegramTimes = {
    leaseMs: LEASE_MS,
    backoff: { initialMs: 20, maxMs: 200 },
    now: () => Date.now() + clock.skippedMs,
  };
  const start = async (): Promise<void> => {
    gates.push(await startTestGate(env, { upstream, telegramTimes, access: upstream.nextAccess() }));
  };
  await start();
  const person = api.createPerson('Ada');
  await person.sendMessage('/help');
  await gates.pop()?.close();
  clock.skippedMs = 7 * 24 * 60 * 60_000;
  api.setNextUpdateId(5);
  await start();
  expect((await person.sendMessage('/help')).text).toContain('what you can send');
});

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

/** In ms: long enough for a slow machine to renew it, short enough to wait for. */
const LEASE_MS = 1_500;

const startGate = async (label: string, access?: UpstreamAccess, skew = 0): Promise<TestGate> => {
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot(label) };
  const now = (): number => Date.now() + skew;
  const telegramTimes = { leaseMs: LEASE_MS, backoff: { initialMs: 20, maxMs: 200 }, now };
  const gate = await startTestGate(env, { upstream, telegramTimes, access: access ?? upstream.nextAccess() });
  gates.push(gate);
  return gate;
};
const waitForPoll = (label: string, from = 0) =>
  api.waitForCall((call) => call.method === 'getUpdates' && call.label === label, from);
const requestLinkCode = async (gate: TestGate, user: string) => {
  const headers = { authorization: `Bearer ${gate.token(user)}` };
  const answer = await fetch(`${gate.url}/api/users/telegram/link`, { method: 'POST', headers });
  return telegramLinkSchema.parse(await answer.json()).code;
};
/** From which update on the gates have asked, the oldest question first. */
const polledOffsets = (): readonly number[] =>
  api.calls.flatMap(({ method, payload }) => (method === 'getUpdates' ? [payload.offset ?? 0] : []));

test('of two gates one asks, and the other goes on at once when the first is closed', async () => {
  const first = await startGate('first');
  await waitForPoll('first');
  // Its clock is wrong by an hour, which is nothing to it.
  const second = await startGate('second', undefined, 3_600_000);
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage(`/start ${await requestLinkCode(second, 'ada')}`)).text).toContain('linked to ada');
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
  expect(api.pollingLabel).toBe('first');
  expect(api.calls.some(({ method, label }) => method === 'getUpdates' && label === 'second')).toBe(false);

  const closed = api.calls.length;
  await first.close();
  await waitForPoll('second', closed);
  expect((await person.sendMessage('/theme light')).text).toBe('Theme: light');
  expect(api.conflicts).toBe(0);
  expect(polledOffsets()).toEqual(polledOffsets().toSorted((a, b) => a - b));
});

test('a gate that is cut off from the database asks no more, and another takes over; nothing is handled twice', async () => {
  const first = await startGate('first', front.access);
  await waitForPoll('first');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage(`/start ${await requestLinkCode(first, 'ada')}`)).text).toContain('linked to ada');
  await startGate('second');
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');

  await front.kill();
  const cut = api.calls.length;
  // Comes to the first, which cannot take it.
  const answered = person.sendMessage('/theme dark');
  await waitForPoll('second', cut);
  expect((await answered).text).toBe('Theme: dark');
  const { label } = await api.waitForCall(({ method }) => method === 'sendMessage', cut);
  expect(label).toBe('second');

  // The first hears of it when it is back, and stands by.
  await front.restart();
  expect((await person.sendMessage('/view table')).text).toBe('View: table');
  const sent = api.calls.slice(cut).filter(({ method }) => method === 'sendMessage');
  expect(sent.map((call) => [call.label, call.payload.text])).toEqual([
    ['second', 'Theme: dark'],
    ['second', 'View: table'],
  ]);
  expect(api.conflicts).toBe(0);
});

test('a gate that is cut off ends the question that it has asked before another one asks', async () => {
  await startGate('first', front.access);
  await waitForPoll('first');
  await startGate('second');
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');
  await front.kill();
  await waitForPoll('second');
  expect(api.conflicts).toBe(0);
  expect(api.pollingLabel).toBe('second');
});

test('what a gate has taken is not handled again by the next one, even where Telegram was not told', async () => {
  const first = await startGate('first');
  await waitForPoll('first');
  const person = api.createPerson('Ada');
  expect((await person.sendMessage('/help')).text).toContain('What you can say');
  const begun = api.calls.length;
  // Telegram still has it when the next one asks: the first is closed before it could tell.
  api.fault = ({ method }) => (method === 'getUpdates' ? { error_code: 502, description: 'Bad Gateway' } : undefined);
  await first.close();
  api.fault = undefined;
  await startGate('second');
  await waitForPoll('second', begun);
  expect((await person.sendMessage('/start')).text).toContain('not linked');
  const sent = api.calls.slice(begun).filter(({ method }) => method === 'sendMessage');
  expect(sent).toHaveLength(1);
});

test('updates that Telegram counts anew after a week without any are handled', async () => {
  const clock = { skipped: 0 };
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot('first') };
  const times = { lease: LEASE_MS, waits: { first: 20, longest: 200 }, now: () => Date.now() + clock.skipped };
  const start = async (): Promise<void> => {
    gates.push(await startTestGate(env, { upstream, telegramTimes: times, access: upstream.nextAccess() }));
  };
  await start();
  const person = api.createPerson('Ada');
  await person.sendMessage('/help');
  await gates.pop()?.close();
  clock.skipped = 7 * 24 * 60 * 60_000;
  api.setNextUpdateId(5);
  await start();
  expect((await person.sendMessage('/help')).text).toContain('What you can say');
});

import { createLog } from '../../../server/observability/log.ts';
import { problemSchema, telegramLinkSchema } from '../../../server/contract.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { respondWith, startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import {
  startFakeTelegramApi,
  type FakeTelegramApi,
  type ApiCall,
  type Person,
} from '../../../server/testing/fake-telegram-api.ts';
import { classifyTelegramError, computeBackoffMs } from '../../../server/telegram/bot/classify-error.ts';

let api: FakeTelegramApi;
let upstream: TestUpstream;
let front: FaultyProxy;
let gate: TestGate;
let logged = '';
let onLogged: () => void = () => undefined;

const isPoll = ({ method }: ApiCall): boolean => method === 'getUpdates';
const start = async (): Promise<void> => {
  const log = createLog('debug', {
    write: (line: string) => {
      logged += line;
      onLogged();
    },
  });
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot() };
  const telegramTimes = { backoff: { initialMs: 20, maxMs: 200 } };
  gate = await startTestGate(env, { upstream, access: front.access, log, telegramTimes });
};
const waitForLog = (text: string): Promise<void> =>
  new Promise((resolve) => {
    onLogged = () => {
      if (logged.includes(text)) resolve();
    };
    onLogged();
  });
const requestLink = (user: string): Promise<Response> =>
  fetch(`${gate.url}/api/users/telegram/link`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gate.token(user)}` },
  });
const link = async (person: Person, user: string): Promise<void> => {
  const { code } = telegramLinkSchema.parse(await (await requestLink(user)).json());
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(`linked to ${user}`);
};

beforeEach(async () => {
  logged = '';
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
  front = await startFaultyProxy(upstream);
});
afterEach(async () => {
  front.fault = undefined;
  await gate.close();
  await front.close();
  await upstream.close();
  await api.close();
  // No failure may write the token, or the URL that contains it, to the log.
  expect(logged).not.toContain(api.token);
  expect(logged).not.toContain(api.token.slice(10));
  expect(logged).not.toContain('/bot');
});

test('with Telegram down the gate starts and works, and the bot recovers once Telegram is back', async () => {
  api.fault = () => 'cut';
  await start();
  await waitForLog('A request to Telegram failed.');
  // Readiness does not depend on Telegram.
  await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
  const refused = await requestLink('ada');
  expect(refused.status).toBe(503);
  expect(problemSchema.parse(await refused.json()).detail).toContain('Telegram cannot be reached');
  api.fault = undefined;
  await api.waitForCall(isPoll);
  await link(api.createPerson('Ada'), 'ada');
});

test('a rejected token is logged as such and retried', async () => {
  api.fault = () => ({ error_code: 401, description: `Unauthorized: ${api.token}` });
  await start();
  await waitForLog('Telegram rejects TELEGRAM_BOT_TOKEN.');
  await waitForLog('[token]');
  expect((await fetch(`${gate.url}/healthz`)).status).toBe(200);
  api.fault = undefined;
  await api.waitForCall(isPoll);
});

test.each([
  ['409', { error_code: 409, description: 'Conflict: terminated by other getUpdates request' }],
  ['429', { error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 1 } }],
  ['502', { error_code: 502, description: 'Bad Gateway' }],
  ['a broken connection', 'cut'],
] as const)('polling continues after %s', async (_name, fault) => {
  let remaining = 2;
  api.fault = (call) => {
    if (!isPoll(call) || remaining === 0) return undefined;
    remaining -= 1;
    return fault;
  };
  await start();
  const startedAt = performance.now();
  await waitForLog('A request to Telegram failed.');
  expect((await api.createPerson('Ada').sendMessage('/help')).text).toContain('what you can send');
  expect(remaining).toBe(0);
  if (fault !== 'cut' && 'parameters' in fault) expect(performance.now() - startedAt).toBeGreaterThan(1_900);
});

test('a reply is sent again after a 429, and a blocked chat does not delay others', async () => {
  await start();
  const [ada, blocker] = [api.createPerson('Ada'), api.createPerson('Blocker')];
  await api.waitForCall(isPoll);
  await link(ada, 'ada');
  let refusals = 0;
  api.fault = ({ method, payload }) => {
    if (method !== 'sendMessage') return undefined;
    if (payload.chat_id === blocker.id)
      return { error_code: 403, description: 'Forbidden: bot was blocked by the user' };
    refusals += 1;
    return refusals > 1
      ? undefined
      : { error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 1 } };
  };
  await blocker.sendMessage('/help');
  const before = api.calls.length;
  await ada.sendMessage('/theme dark');
  const isSent = ({ method, payload }: ApiCall): boolean => method === 'sendMessage' && payload.chat_id === ada.id;
  const first = api.calls.findIndex((call, index) => index >= before && isSent(call));
  const retried = await api.waitForCall(isSent, first + 1);
  expect(retried.payload.text).toBe('Theme: dark');
  expect(refusals).toBe(2);
});

test('a database failure is answered, and the next command works', async () => {
  await start();
  await api.waitForCall(isPoll);
  const person = api.createPerson('Ada');
  await link(person, 'ada');
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
  const registry = upstream.names.registry;
  front.fault = respondWith(
    500,
    '{"error":"internal_server_error","reason":"badmatch"}',
  )(({ url = '' }) => url.startsWith(`/${registry}/user_`));
  expect((await person.sendMessage('/theme light')).text).toContain('did not work');
  front.fault = undefined;
  expect((await person.sendMessage('/preferences')).text).toContain('Theme: dark');
});

test('delays grow up to the maximum, and Telegram’s retry_after takes precedence', () => {
  const backoff = { initialMs: 1_000, maxMs: 60_000 };
  const down = classifyTelegramError(new Error('connection refused'));
  const delayAfter = (failures: number): number => computeBackoffMs(down, failures, backoff, () => 0.5);
  expect([1, 2, 3, 20, 5_000].map(delayAfter)).toEqual([750, 1_500, 3_000, 45_000, 45_000]);
  expect(computeBackoffMs({ ...down, retryAfterMs: 7_000 }, 9, backoff, Math.random)).toBe(7_000);
  expect(computeBackoffMs({ ...down, kind: 'token' }, 1, backoff, Math.random)).toBe(60_000);
});

import { problemSchema } from '../../../server/contract.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startFakeTelegramApi, type FakeTelegramApi, type ApiCall } from '../../../server/testing/fake-telegram-api.ts';

let api: FakeTelegramApi;
let upstream: TestUpstream;
let gates: TestGate[];
let secret = '';
beforeAll(async () => {
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
  const env = {
    TELEGRAM_BOT_TOKEN: api.token,
    TELEGRAM_API_ROOT: api.apiRoot(),
    TELEGRAM_WEBHOOK: 'https://gate.example',
  };
  const start = (): Promise<TestGate> => startTestGate(env, { upstream, access: upstream.nextAccess() });
  gates = [await start()];
  const { payload } = await api.waitForCall(({ method }) => method === 'setWebhook');
  expect(payload['url']).toBe('https://gate.example/api/telegram');
  secret = String(payload['secret_token']);
  const before = api.calls.length;
  gates.push(await start());
  await api.waitForCall(({ method }) => method === 'setWebhook', before);
});
afterAll(async () => {
  for (const gate of gates) await gate.close();
  await upstream.close();
  await api.close();
});

const deliver = (
  gate: TestGate | undefined,
  body: unknown,
  secretToken: string | undefined = secret,
): Promise<Response> =>
  fetch(`${gate?.url}/api/telegram`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(secretToken === '' ? {} : { 'x-telegram-bot-api-secret-token': secretToken }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const chat = { id: 99, type: 'private', first_name: 'Ada' };
const textUpdate = (text: string): object =>
  api.sendUpdate({ message: { message_id: 1, date: 1, chat, from: { ...chat, is_bot: false }, text } });
const isReply = ({ method }: ApiCall): boolean => method === 'sendMessage';

test('the secret has a format that Telegram accepts', () => {
  expect(secret).toMatch(/^[A-Za-z0-9_-]{32,256}$/);
});

test('an update with the secret is answered once, on whichever gates it is delivered', async () => {
  const update = textUpdate('/help');
  for (const gate of [gates[0], gates[0], gates[1]]) expect((await deliver(gate, update)).status).toBe(200);
  expect((await deliver(gates[1], textUpdate('/start'))).status).toBe(200);
  const isSecond = (call: ApiCall): boolean => isReply(call) && String(call.payload.text).includes('not linked');
  await api.waitForCall(isSecond);
  await api.waitForCall((call) => isReply(call) && String(call.payload.text).includes('what you can send'));
  for (const gate of gates) await gate.pouchgate.close();
  expect(api.calls.filter(isReply)).toHaveLength(2);
  expect(api.calls.some(({ method }) => method === 'getUpdates')).toBe(false);
  for (const gate of gates) await gate.restart();
});

test.each([
  ['no secret', ''],
  ['another secret', 'x'.repeat(43)],
  ['a longer secret', 'x'.repeat(200)],
])('rejects an update with %s', async (_name, secretToken) => {
  const before = api.calls.length;
  expect((await deliver(gates[0], textUpdate('/help'), secretToken)).status).toBe(403);
  expect(api.calls.slice(before).filter(isReply)).toEqual([]);
});

test('rejects bodies that are not updates, and other methods and paths', async () => {
  for (const body of [{}, [], { update_id: 'x' }]) expect((await deliver(gates[0], body)).status).toBe(400);
  expect((await fetch(`${gates[0]?.url}/api/telegram`)).status).toBe(405);
  expect((await fetch(`${gates[0]?.url}/api/telegram/x`)).status).toBe(404);
});

test('without a bot the webhook and the routes are 404', async () => {
  const gate = await startTestGate({}, { upstream, access: upstream.nextAccess() });
  const headers = { authorization: `Bearer ${gate.token('ada')}` };
  for (const [path, method] of [
    ['', 'GET'],
    ['/link', 'POST'],
    ['/7', 'DELETE'],
  ]) {
    const response = await fetch(`${gate.url}/api/users/telegram${path}`, { headers, method: method ?? 'GET' });
    expect(response.status).toBe(404);
    expect(problemSchema.parse(await response.json()).error).toBe('not_found');
  }
  expect((await deliver(gate, textUpdate('/help'))).status).toBe(404);
  await gate.close();
});

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
  const heard = api.calls.length;
  gates.push(await start());
  await api.waitForCall(({ method }) => method === 'setWebhook', heard);
});
afterAll(async () => {
  for (const gate of gates) await gate.close();
  await upstream.close();
  await api.close();
});

const deliver = (gate: TestGate | undefined, body: unknown, shown: string | undefined = secret): Promise<Response> =>
  fetch(`${gate?.url}/api/telegram`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(shown === '' ? {} : { 'x-telegram-bot-api-secret-token': shown }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const chat = { id: 99, type: 'private', first_name: 'Ada' };
const textUpdate = (text: string): object =>
  api.sendUpdate({ message: { message_id: 1, date: 1, chat, from: { ...chat, is_bot: false }, text } });
const isReply = ({ method }: ApiCall): boolean => method === 'sendMessage';

test('the secret is one that Telegram takes', () => {
  expect(secret).toMatch(/^[A-Za-z0-9_-]{32,256}$/);
});

test('an update with the secret is answered once, whichever gates it is brought to', async () => {
  const update = textUpdate('/help');
  for (const gate of [gates[0], gates[0], gates[1]]) expect((await deliver(gate, update)).status).toBe(200);
  expect((await deliver(gates[1], textUpdate('/start'))).status).toBe(200);
  const isSecond = (call: ApiCall): boolean => isReply(call) && String(call.payload.text).includes('not linked');
  await api.waitForCall(isSecond);
  await api.waitForCall((call) => isReply(call) && String(call.payload.text).includes('What you can say'));
  for (const gate of gates) await gate.pouchgate.close();
  expect(api.calls.filter(isReply)).toHaveLength(2);
  expect(api.calls.some(({ method }) => method === 'getUpdates')).toBe(false);
  for (const gate of gates) await gate.restart();
});

test.each([
  ['no secret', ''],
  ['another secret', 'x'.repeat(43)],
  ['a longer one', 'x'.repeat(200)],
])('with %s nothing is read', async (_name, shown) => {
  const before = api.calls.length;
  expect((await deliver(gates[0], textUpdate('/help'), shown)).status).toBe(403);
  expect(api.calls.slice(before).filter(isReply)).toEqual([]);
});

test('what is no update is refused', async () => {
  for (const body of [{}, [], { update_id: 'x' }]) expect((await deliver(gates[0], body)).status).toBe(400);
  expect((await fetch(`${gates[0]?.url}/api/telegram`)).status).toBe(405);
  expect((await fetch(`${gates[0]?.url}/api/telegram/x`)).status).toBe(404);
});

test('without a bot there is none of it', async () => {
  const gate = await startTestGate({}, { upstream, access: upstream.nextAccess() });
  const headers = { authorization: `Bearer ${gate.token('ada')}` };
  for (const [path, method] of [
    ['', 'GET'],
    ['/link', 'POST'],
    ['/7', 'DELETE'],
  ]) {
    const answer = await fetch(`${gate.url}/api/users/telegram${path}`, { headers, method: method ?? 'GET' });
    expect(answer.status).toBe(404);
    expect(problemSchema.parse(await answer.json()).error).toBe('not_found');
  }
  expect((await deliver(gate, textUpdate('/help'))).status).toBe(404);
  await gate.close();
});

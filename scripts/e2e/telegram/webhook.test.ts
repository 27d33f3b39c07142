import { problemSchema } from '../../../server/contract.ts';
import { startForTests, type TestGate } from '../../../server/testing/test-gate.ts';
import { startUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startBotApi, type BotApi, type Call } from '../../../server/testing/fake-telegram-api.ts';

let api: BotApi;
let upstream: TestUpstream;
let gates: TestGate[];
let secret = '';
beforeAll(async () => {
  api = await startBotApi();
  upstream = await startUpstream();
  const env = {
    TELEGRAM_BOT_TOKEN: api.token,
    TELEGRAM_API_ROOT: api.root(),
    TELEGRAM_WEBHOOK: 'https://gate.example',
  };
  const start = (): Promise<TestGate> => startForTests(env, { upstream, access: upstream.nextAccess() });
  gates = [await start()];
  const { payload } = await api.heard(({ method }) => method === 'setWebhook');
  expect(payload['url']).toBe('https://gate.example/api/telegram');
  secret = String(payload['secret_token']);
  const heard = api.calls.length;
  gates.push(await start());
  await api.heard(({ method }) => method === 'setWebhook', heard);
});
afterAll(async () => {
  for (const gate of gates) await gate.close();
  await upstream.close();
  await api.close();
});

const bring = (gate: TestGate | undefined, body: unknown, shown: string | undefined = secret): Promise<Response> =>
  fetch(`${gate?.url}/api/telegram`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(shown === '' ? {} : { 'x-telegram-bot-api-secret-token': shown }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const chat = { id: 99, type: 'private', first_name: 'Ada' };
const saying = (text: string): object =>
  api.update({ message: { message_id: 1, date: 1, chat, from: { ...chat, is_bot: false }, text } });
const isAnswer = ({ method }: Call): boolean => method === 'sendMessage';

test('the secret is one that Telegram takes', () => {
  expect(secret).toMatch(/^[A-Za-z0-9_-]{32,256}$/);
});

test('an update with the secret is answered once, whichever gates it is brought to', async () => {
  const update = saying('/help');
  for (const gate of [gates[0], gates[0], gates[1]]) expect((await bring(gate, update)).status).toBe(200);
  expect((await bring(gates[1], saying('/start'))).status).toBe(200);
  const isSecond = (call: Call): boolean => isAnswer(call) && String(call.payload.text).includes('not linked');
  await api.heard(isSecond);
  await api.heard((call) => isAnswer(call) && String(call.payload.text).includes('What you can say'));
  for (const gate of gates) await gate.pouchgate.close();
  expect(api.calls.filter(isAnswer)).toHaveLength(2);
  expect(api.calls.some(({ method }) => method === 'getUpdates')).toBe(false);
  for (const gate of gates) await gate.restart();
});

test.each([
  ['no secret', ''],
  ['another secret', 'x'.repeat(43)],
  ['a longer one', 'x'.repeat(200)],
])('with %s nothing is read', async (_name, shown) => {
  const before = api.calls.length;
  expect((await bring(gates[0], saying('/help'), shown)).status).toBe(403);
  expect(api.calls.slice(before).filter(isAnswer)).toEqual([]);
});

test('what is no update is refused', async () => {
  for (const body of [{}, [], { update_id: 'x' }]) expect((await bring(gates[0], body)).status).toBe(400);
  expect((await fetch(`${gates[0]?.url}/api/telegram`)).status).toBe(405);
  expect((await fetch(`${gates[0]?.url}/api/telegram/x`)).status).toBe(404);
});

test('without a bot there is none of it', async () => {
  const gate = await startForTests({}, { upstream, access: upstream.nextAccess() });
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
  expect((await bring(gate, saying('/help'))).status).toBe(404);
  await gate.close();
});

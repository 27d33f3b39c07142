import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { telegramLinkSchema } from '../../../server/contract.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/** The bot's token is revoked, and two gates get the new one, one after the other. */

let api: FakeTelegramApi;
let upstream: TestUpstream;
let gates: TestGate[] = [];

const start = async (label: string, token: string): Promise<TestGate> => {
  const env = { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_ROOT: api.apiRoot(label) };
  const telegramTimes = { leaseMs: scaleMs(600), backoff: { initialMs: 20, maxMs: 200 } };
  const gate = await startTestGate(env, { upstream, telegramTimes });
  gates.push(gate);
  return gate;
};
beforeEach(async () => {
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
});
afterEach(async () => {
  for (const gate of gates) await gate.close();
  gates = [];
  await upstream.close();
  await api.close();
});

it('the first gate with the new token answers every message, also those sent in between, and chats stay linked', async () => {
  const old = api.token;
  const first = await start('first', old);
  await api.waitForCall(({ method }) => method === 'getUpdates');
  const second = await start('second', old);
  await api.waitForCall(({ method, label }) => method === 'setMyCommands' && label === 'second');
  const ada = upstream.accountName('ada');
  const link = await fetch(`${first.url}/api/users/telegram/link`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.token(ada)}` },
  });
  const { code } = telegramLinkSchema.parse(await link.json());
  const person = api.createPerson('Ada');
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(`linked to ${ada}`);

  const token = api.replaceToken();
  const revokedAt = api.calls.length;
  const reply = person.sendMessage('/theme dark');
  const answers = () => api.calls.slice(revokedAt).filter(({ method }) => method === 'sendMessage');
  await first.close();
  // The second gate has taken over with the old token.
  await api.waitForCall(({ label }) => label === 'second', revokedAt);
  await start('third', token);
  await eventually(() => answers().length > 0);
  expect((await reply).text).toBe('Theme: dark');
  await second.close();
  await start('fourth', token);
  expect((await person.sendMessage('/theme light')).text).toBe('Theme: light');
  expect(answers()).toHaveLength(2);
});

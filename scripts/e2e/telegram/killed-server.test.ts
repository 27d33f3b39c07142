import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { telegramLinkSchema } from '../../../server/contract.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { killServerProcess, startServerProcess } from '../testing/server-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';

/** The process that polls Telegram is killed with SIGKILL: it releases no lease and acknowledges no update. */

const JWT_SECRET = randomBytes(32).toString('base64url');
let api: FakeTelegramApi;
let upstream: TestUpstream;
let server: ChildProcess;
let gate: TestGate | undefined;
let url: string;
const env = (label: string): Record<string, string> => ({
  TELEGRAM_BOT_TOKEN: api.token,
  TELEGRAM_API_ROOT: api.apiRoot(label),
  JWT_SECRET,
});
beforeAll(async () => {
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
  const port = String(await findFreePort());
  url = `http://127.0.0.1:${port}`;
  server = await startServerProcess({ ...upstream.env(), ...env('killed'), PORT: port, DRAIN_SECONDS: '0' });
});
afterAll(async () => {
  await killServerProcess(server);
  await gate?.close();
  await upstream.close();
  await api.close();
});

test('another gate takes over, answers the messages sent during the outage, and answers no message twice', async () => {
  const ada = upstream.accountName('ada');
  const authorization = `Bearer ${jwt.sign({ sub: ada }, JWT_SECRET, { expiresIn: '1h' })}`;
  const link = await fetch(`${url}/api/users/telegram/link`, { method: 'POST', headers: { authorization } });
  const { code } = telegramLinkSchema.parse(await link.json());
  const [person, stranger] = [api.createPerson('Ada'), api.createPerson('Eve')];
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(`linked to ${ada}`);
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');

  await killServerProcess(server);
  const before = api.calls.length;
  const replies = [person.sendMessage('/view table'), stranger.sendMessage('/theme dark')];
  gate = await startTestGate(env('next'), { upstream, telegramTimes: { leaseMs: scaleMs(1_500) } });
  const [own, other] = await Promise.all(replies);
  expect(own?.text).toBe('View: table');
  expect(other?.text).toContain('not linked');
  // The code was consumed by the killed process.
  expect((await stranger.sendMessage(`/start ${code}`)).text).toContain('not valid');
  expect((await person.sendMessage('/theme light')).text).toBe('Theme: light');

  const sent = api.calls.slice(before).filter(({ method }) => method === 'sendMessage');
  expect(sent.map(({ label }) => label)).toEqual(['next', 'next', 'next', 'next']);
  expect(api.conflicts).toBe(0);
  const response = await fetch(`${gate.url}/api/users/preferences`, { headers: { authorization } });
  expect(await response.json()).toMatchObject({
    preferences: { theme: 'light', viewMode: 'table' },
    edits: { theme: { by: 'telegram' }, viewMode: { by: 'telegram' } },
  });
});

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { sessionSchema, telegramLinkSchema } from '../../../server/contract.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { startLiveClient } from '../../../server/testing/live-client.ts';
import { createPeer, editPreferences, readPreference } from '../../../server/testing/pouchdb-peer.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { DEFAULT_RATE_LIMITS } from '../../../server/http/rate-limits.ts';
import { startWorkerServer, type WorkerServer } from './testing/worker-server.ts';

/** What must hold in all workers together: accounts, sessions, writes, rate limits, the bot, the embedded engine. */

let api: FakeTelegramApi;
let upstream: TestUpstream;
let server: WorkerServer;
beforeAll(async () => {
  api = await startFakeTelegramApi();
  upstream = await startTestUpstream();
  server = await startWorkerServer(upstream, {
    TELEGRAM_BOT_TOKEN: api.token,
    TELEGRAM_API_ROOT: api.apiRoot('bot'),
  });
});
afterAll(async () => {
  await server.close();
  await upstream.close();
  await api.close();
});

const password = 'correct horse battery staple';
const postJson = (path: string, body: object, { url } = server): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: 'POST',
    // A connection of its own for each request, so that the workers receive requests in turn.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });

test('of simultaneous registrations of one name in both workers, one succeeds', async () => {
  const body = { username: upstream.accountName('racer'), password };
  const responses = await Promise.all(Array.from({ length: 6 }, () => postJson('/api/auth/register', body)));
  expect(responses.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409]);
});

test('a session that is ended in one worker ends in all workers within a second', async () => {
  const credentials = { username: upstream.accountName('ida'), password };
  const readToken = async (response: Promise<Response>): Promise<string> =>
    sessionSchema.parse(await (await response).json()).accessToken;
  const lost = await readToken(postJson('/api/auth/register', credentials));
  const kept = await readToken(postJson('/api/auth/sign-in', credentials));
  const { database } = server;
  const clients = Array.from({ length: 4 }, () =>
    startLiveClient({ database, token: lost, username: credentials.username, feed: 'longpoll' }),
  );
  // An empty response is held until a second after its request, so a younger one would measure that instead.
  await eventually(() => clients.every(({ hasHeartbeat, leaves }) => hasHeartbeat && leaves.length === 1));
  const response = await fetch(`${server.url}/api/auth/sessions`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${kept}` },
  });
  expect(response.status).toBe(204);
  const endedAt = performance.now();
  await eventually(() => clients.every(({ counts }) => counts.refused > 0));
  expect(performance.now() - endedAt).toBeLessThan(scaleMs(1_000));
  expect(clients.map(({ counts }) => [counts.lost, counts.empty])).toEqual(clients.map(() => [0, 1]));
});

test('simultaneous edits of one document in both workers, by REST and by replication, are all kept', async () => {
  const edits = {
    theme: 'dark',
    viewMode: 'table',
    activitySidebarOpen: false,
    dailyBriefing: true,
    briefingTime: '06:15',
    dailyRecap: true,
    recapTime: '20:45',
    timezone: 'Europe/Vienna',
    selectedTags: ['tag'],
    selectedContexts: ['context'],
  };
  const peers = Array.from({ length: 4 }, () =>
    createPeer({ database: server.database, token: () => server.token('writer') }),
  );
  for (const peer of peers) void peer.sync({ back_off_function: () => 100 });
  await eventually(async () => {
    const counts = await Promise.all(peers.map(async ({ local }) => (await local.info()).doc_count));
    return counts.every((count) => count === 1);
  });
  const statusOf = async ([key, value]: [string, unknown]): Promise<number> =>
    (await server.send('writer', '/api/users/preferences', { method: 'PATCH', body: { [key]: value } })).status;
  // Each device edits a key of its own that REST leaves alone.
  const ownKeys = ['tableColumns', 'selectedStatus', 'selectedTimeRange', 'filterPresets'] as const;
  const ownValues = { tableColumns: ['a'], selectedStatus: ['open'], selectedTimeRange: 'week', filterPresets: [] };
  const [statuses] = await Promise.all([
    Promise.all(Object.entries(edits).map(statusOf)),
    Promise.all(
      peers.map(({ local }, n) => {
        const key = ownKeys[n] ?? 'tableColumns';
        return editPreferences(local, 'user_writer', { [key]: ownValues[key] });
      }),
    ),
  ]);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const expected = { ...edits, ...ownValues };
  for (const { local } of peers) {
    await eventually(async () => {
      const values = await Promise.all(Object.keys(expected).map((key) => readPreference(local, 'user_writer', key)));
      return JSON.stringify(values) === JSON.stringify(Object.values(expected));
    });
  }
});

test('a rate limit applies to the requests to all workers together', async () => {
  const { limit } = DEFAULT_RATE_LIMITS.preferencesByName;
  const statuses: number[] = [];
  const send = async (): Promise<void> => {
    while (statuses.length < limit + 20) statuses.push((await server.send('limited', '/api/users/profile')).status);
  };
  await Promise.all(Array.from({ length: 4 }, send));
  expect(statuses.filter((status) => status === 200)).toHaveLength(limit);
});

test('one worker polls Telegram, and a replaced one hands over without losing a message or answering one twice', async () => {
  const link = await server.send('chatter', '/api/users/telegram/link', { method: 'POST', body: {} });
  const { code } = telegramLinkSchema.parse(await link.json());
  const person = api.createPerson('Ida');
  expect((await person.sendMessage(`/start ${code}`)).text).toContain('linked to chatter');
  server.signal('SIGHUP');
  const during = [await person.sendMessage('/theme dark'), await person.sendMessage('/view table')];
  await server.waitForLog('All workers are replaced.');
  const after = await person.sendMessage('/theme light');
  expect([...during, after].map(({ text }) => text)).toEqual(['Theme: dark', 'View: table', 'Theme: light']);
  expect(api.calls.filter(({ method }) => method === 'sendMessage')).toHaveLength(4);
  expect(api.conflicts).toBe(0);
});

test('all workers use one embedded engine, the demo user is created once, and a repeated signal ends all processes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pouchgate-workers-'));
  const noDatabase = { COUCHDB_URL: '', COUCHDB_USER: '', COUCHDB_PASSWORD: '', JWT_SECRET: '' };
  const embedded = await startWorkerServer(upstream, { ...noDatabase, DATA_DIR: directory, DRAIN_SECONDS: '300' });
  await eventually(() => embedded.output.filter((line) => line.startsWith('Sign in as demo')).length === 1);
  const credentials = { username: 'demo', password: 'try-pouchgate' };
  const responses = await Promise.all(
    Array.from({ length: 4 }, () => postJson('/api/auth/sign-in', credentials, embedded)),
  );
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  // A token of one worker is valid in the others.
  const { accessToken: token } = sessionSchema.parse(await responses[0]?.json());
  const { database } = embedded;
  const clients = Array.from({ length: 4 }, () =>
    startLiveClient({ database, token, username: 'demo', feed: 'longpoll' }),
  );
  await eventually(() => clients.every(({ parked, leaves }) => parked && leaves.length === 1));
  expect(await countProcesses('engine-process-main', directory)).toBe(1);

  embedded.signal('SIGTERM');
  await embedded.waitForLog('Draining.', 2);
  embedded.signal('SIGINT');
  expect(await embedded.exited).toBe(1);
  await eventually(async () => (await countProcesses('engine-process-main', directory)) === 0);
  await rm(directory, { recursive: true });
});

/** Counts the processes whose command line contains these texts. */
async function countProcesses(...texts: string[]): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // A process may have exited since.
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => texts.every((text) => line.includes(text))).length;
}

import { Agent, request } from 'undici';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { runCheck, testWith } from './testing/check-program.ts';
import { isRunning, startWorkerServer, type WorkerServer } from './testing/worker-server.ts';

/** Two worker processes share one port. The tests run in this order on one server, because its start takes seconds. */

const promtoolTest = testWith('promtool');

let upstream: TestUpstream;
let server: WorkerServer;
beforeAll(async () => {
  upstream = await startTestUpstream();
  server = await startWorkerServer(upstream, { LOG_LEVEL: 'debug', DRAIN_LEAD_SECONDS: '300', DRAIN_SECONDS: '1' });
});
afterAll(async () => {
  await server.close();
  await upstream.close();
});

const revisions = new Map<string, string>();

/** Writes a new revision of each user's document directly to the database. */
async function writeDocuments(usernames: readonly string[], theme: string): Promise<void> {
  const docs = usernames.map((username) => {
    const rev = revisions.get(username);
    return {
      _id: `user_${username}`,
      ...(rev === undefined ? {} : { _rev: rev }),
      type: 'user_preferences',
      version: 1,
      username,
      preferences: { theme },
      edits: {},
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    };
  });
  const rows = await upstream.registry().bulk({ docs });
  rows.forEach(({ rev }, n) => revisions.set(usernames[n] ?? '', rev ?? 'refused'));
}

/** Starts a live client for each user. Resolves once all are parked with the current revision. */
async function startClients(usernames: readonly string[]): Promise<LiveClient[]> {
  const clients = usernames.map((username) => server.startClient(username));
  await waitForDelivery(clients);
  return clients;
}

/** Resolves once each client waits, and has received the last revision of its own document and no other document. */
const waitForDelivery = (clients: readonly LiveClient[]): Promise<void> =>
  eventually(() =>
    clients.every(
      ({ parked, leaves, username, ids }) =>
        parked && leaves.join() === revisions.get(username) && [...ids].join() === `user_${username}`,
    ),
  );

const closeAll = (clients: readonly LiveClient[]): void => {
  for (const client of clients) client.close();
};

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

const readMetrics = async (): Promise<string> => (await fetch(server.metricsUrl)).text();
const readMetric = (text: string, series: string): number =>
  Number(new RegExp(`^${series.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);

test('devices of a user on different workers receive each edit live', async () => {
  await writeDocuments(['ida'], 'light');
  const clients = await startClients(['ida', 'ida', 'ida', 'ida']);
  const patched = await server.send('ida', '/api/users/preferences', { method: 'PATCH', body: { theme: 'dark' } });
  expect(patched.status).toBe(200);
  const { _rev: rev } = await upstream.registry().get('user_ida');
  revisions.set('ida', rev);
  await waitForDelivery(clients);
  // Each device has received its first state and the edit, on one connection to one worker.
  const delivered = (): (number | undefined)[] =>
    server.log.flatMap(({ route, worker }) => (route === 'gate live' ? [worker] : []));
  await eventually(() => delivered().length === 8);
  expect(new Set(delivered())).toEqual(new Set([1, 2]));
  closeAll(clients);
});

test('/metrics has the sums of all workers', async () => {
  const usernames = names('metrics', 20);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(usernames);
  const series = 'pouchgate_requests_total{kind="health",status="2xx"}';
  for (let n = 0; n < 10; n += 1) await server.send('ida', '/healthz');
  const text = await readMetrics();
  expect(readMetric(text, 'pouchgate_waiters{feed="longpoll"}')).toBe(usernames.length);
  expect(readMetric(text, series)).toBe(10);
  expect(readMetric(text, 'pouchgate_workers')).toBe(2);
  expect(readMetric(text, 'pouchgate_ready{check="upstream"}')).toBe(1);
  expect(readMetric(text, 'pouchgate_upstream_connections{pool="feeds"}')).toBe(4);
  closeAll(clients);
});

promtoolTest('promtool finds no fault in the merged metrics', async () => {
  expect(runCheck('promtool', ['check', 'metrics'], await readMetrics())).toEqual({ exitCode: 0, output: '' });
});

test('a hung worker delays a scrape by seconds, and its counters are not missing', async () => {
  const [hung = 0] = server.workerPids().values();
  const before = await readMetrics();
  process.kill(hung, 'SIGSTOP');
  const startedAt = performance.now();
  const text = await readMetrics();
  // Prometheus waits for ten seconds.
  expect(performance.now() - startedAt).toBeLessThan(scaleMs(8_000));
  process.kill(hung, 'SIGCONT');
  expect(readMetric(text, 'pouchgate_workers')).toBe(1);
  expect(readMetric(text, 'pouchgate_wakes_total')).toBe(readMetric(before, 'pouchgate_wakes_total'));
});

test('a worker that is killed under live clients is restarted, no change is lost, and no counter falls', async () => {
  const usernames = names('killed', 200);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(usernames);
  const before = await readMetrics();
  const [pid = 0] = server.workerPids().values();
  const starts = server.log.filter(({ msg }) => msg === 'A worker is ready.').length;
  process.kill(pid, 'SIGKILL');
  await writeDocuments(usernames, 'while a worker is down');
  await server.waitForLog('A worker is ready.', starts + 1);
  await writeDocuments(usernames, 'after its restart');
  await waitForDelivery(clients);
  expect(server.log).toContainEqual(
    expect.objectContaining({ msg: 'A worker has exited unexpectedly.', workerPid: pid, signal: 'SIGKILL' }),
  );
  expect(isRunning(pid)).toBe(false);
  // Only the clients of the killed worker were interrupted, once.
  const interrupted = clients.filter(({ counts }) => counts.lost > 0);
  expect(interrupted.length).toBeGreaterThan(0);
  expect(interrupted.length).toBeLessThan(clients.length);
  const { lost, refused, unreached } = sumCounts(clients);
  expect([lost, refused, unreached]).toEqual([interrupted.length, 0, 0]);
  closeAll(clients);
  const after = await readMetrics();
  expect(readMetric(after, 'pouchgate_worker_restarts_total')).toBe(1);
  const series = 'pouchgate_requests_total{kind="gate live",status="2xx"}';
  expect(readMetric(after, series)).toBeGreaterThan(readMetric(before, series));
});

test('SIGHUP replaces all workers without a failed request or an interrupted live response', async () => {
  const usernames = names('replaced', 40);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(usernames);
  const before = [...server.workerPids().values()];
  const stopping = new AbortController();
  const statuses: number[] = [];
  const send = async (n: number): Promise<void> => {
    // A kept connection that is never idle, as a busy proxy has them.
    const dispatcher = new Agent({ connections: 1 });
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      // Each user stays below the rate limit.
      const username = `writer${n}-${Math.floor(round / 200)}`;
      const { statusCode, body } = await request(`${server.url}/api/users/preferences`, {
        dispatcher,
        method: 'PATCH',
        headers: { authorization: `Bearer ${server.token(username)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ selectedTags: [`tag ${round}`] }),
      });
      statuses.push(statusCode);
      await body.dump();
    }
    await dispatcher.close();
  };
  const sending = names('', 4).map((_, n) => send(n));
  server.signal('SIGHUP');
  await server.waitForLog('All workers are replaced.');
  stopping.abort();
  await Promise.all(sending);
  await writeDocuments(usernames, 'after the replacement');
  await waitForDelivery(clients);

  const after = [...server.workerPids().values()];
  expect(new Set([...before, ...after]).size).toBe(4);
  expect(before.filter(isRunning)).toEqual([]);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const { lost, refused, unreached, empty } = sumCounts(clients);
  expect([lost, refused, unreached]).toEqual([0, 0, 0]);
  expect(empty).toBeGreaterThanOrEqual(usernames.length);
  closeAll(clients);
});

test('a stop has the steps of one process: the drain lead time, complete live responses, and exit code 0', async () => {
  const usernames = names('stopped', 10);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(usernames);
  const pids = [...server.workerPids().values()];
  server.signal('SIGTERM');
  // Both workers report it: they receive these requests in turn.
  await eventually(async () => {
    const responses = [await server.send('ida', '/readyz'), await server.send('ida', '/readyz')];
    return responses.every(({ status }) => status === 503);
  });
  expect(clients.every(({ parked }) => parked)).toBe(true);
  // Another signal ends the lead time.
  server.signal('SIGINT');
  expect(await server.exited).toBe(0);
  const { lost, empty } = sumCounts(clients);
  expect(lost).toBe(0);
  expect(empty).toBeGreaterThanOrEqual(usernames.length);
  expect(pids.filter(isRunning)).toEqual([]);
  await expect(fetch(server.url)).rejects.toThrow();
});

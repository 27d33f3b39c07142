import { once } from 'node:events';
import { createServer } from 'node:net';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { runCheck, testWith } from './testing/check-program.ts';
import { isRunning, spawnWorkerServer, startWorkerServer, type WorkerServer } from './testing/worker-server.ts';

/** Two worker processes share one port. */

const promtoolTest = testWith('promtool');

let upstream: TestUpstream;
beforeEach(async () => {
  upstream = await startTestUpstream();
});
afterEach(() => upstream.close());

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
async function startClients(server: WorkerServer, usernames: readonly string[]): Promise<LiveClient[]> {
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

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

const readMetrics = async (server: WorkerServer): Promise<string> => (await fetch(server.metricsUrl)).text();
const readMetric = (text: string, series: string): number =>
  Number(new RegExp(`^${series.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);

test('devices of a user on different workers receive each edit live', async () => {
  const server = await startWorkerServer(upstream, { LOG_LEVEL: 'debug' });
  await writeDocuments(['ida'], 'light');
  const clients = await startClients(server, ['ida', 'ida', 'ida', 'ida']);
  const patched = await server.send('ida', '/api/users/preferences', { method: 'PATCH', body: { theme: 'dark' } });
  expect(patched.status).toBe(200);
  const { _rev: rev } = await upstream.registry().get('user_ida');
  revisions.set('ida', rev);
  await waitForDelivery(clients);
  // Each worker has delivered it to two of the devices.
  const delivered = (): (number | undefined)[] =>
    server.log.flatMap(({ route, worker }) => (route === 'gate live' ? [worker] : []));
  await eventually(() => delivered().length === 4);
  expect(delivered().toSorted()).toEqual([1, 1, 2, 2]);
});

test('a worker that is killed under live clients is restarted, and no change is lost', async () => {
  const server = await startWorkerServer(upstream);
  const usernames = names('kill', 200);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(server, usernames);
  const [pid = 0] = server.workerPids().values();
  process.kill(pid, 'SIGKILL');
  await writeDocuments(usernames, 'while a worker is down');
  await server.waitForLog('A worker is ready.', 3);
  await writeDocuments(usernames, 'after its restart');
  await waitForDelivery(clients);
  expect(server.log).toContainEqual(
    expect.objectContaining({ msg: 'A worker has exited unexpectedly.', workerPid: pid, signal: 'SIGKILL' }),
  );
  const { lost, refused, unreached } = sumCounts(clients);
  // Only those of the killed worker were interrupted: half of them.
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThanOrEqual(usernames.length / 2 + 1);
  expect([refused, unreached]).toEqual([0, 0]);
  expect(isRunning(pid)).toBe(false);
});

test('SIGHUP replaces all workers without a failed request or an interrupted live response', async () => {
  const server = await startWorkerServer(upstream, { DRAIN_SECONDS: '1' });
  const usernames = names('hup', 40);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(server, usernames);
  const before = [...server.workerPids().values()];
  const stopping = new AbortController();
  const statuses: number[] = [];
  const send = async (n: number): Promise<void> => {
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      const body = { selectedTags: [`tag ${round}`] };
      // On kept connections, as a proxy uses them.
      const response = await fetch(`${server.url}/api/users/preferences`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${server.token(`writer${n}`)}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      statuses.push(response.status);
      await response.text();
    }
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
  expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  const { lost, refused, unreached, empty } = sumCounts(clients);
  expect([lost, refused, unreached]).toEqual([0, 0, 0]);
  expect(empty).toBeGreaterThanOrEqual(usernames.length);
});

test('SIGTERM ends all workers as it ends one process: live responses are complete, and the exit code is 0', async () => {
  const server = await startWorkerServer(upstream);
  const usernames = names('term', 10);
  await writeDocuments(usernames, 'first');
  const clients = await startClients(server, usernames);
  const pids = [...server.workerPids().values()];
  server.signal('SIGTERM');
  expect(await server.exited).toBe(0);
  const { lost, empty } = sumCounts(clients);
  expect([lost, empty]).toEqual([0, usernames.length]);
  expect(pids.filter(isRunning)).toEqual([]);
  await expect(fetch(server.url)).rejects.toThrow();
});

test('the second signal ends the drain lead time, and the third all processes', async () => {
  const server = await startWorkerServer(upstream, { DRAIN_LEAD_SECONDS: '300', DRAIN_SECONDS: '300' });
  await writeDocuments(['ida'], 'first');
  await startClients(server, ['ida', 'ida']);
  server.signal('SIGTERM');
  await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 503);
  server.signal('SIGINT');
  await server.waitForLog('Draining.', 2);
  server.signal('SIGINT');
  expect(await server.exited).toBe(1);
});

test('/metrics has the sums of all workers, and they do not fall when a worker dies or hangs', async () => {
  const server = await startWorkerServer(upstream);
  const usernames = names('met', 20);
  await writeDocuments(usernames, 'first');
  await startClients(server, usernames);
  for (let n = 0; n < 10; n += 1) await server.send('ida', '/healthz');
  const series = 'pouchgate_requests_total{kind="health",status="2xx"}';
  const text = await readMetrics(server);
  expect(readMetric(text, 'pouchgate_waiters{feed="longpoll"}')).toBe(usernames.length);
  expect(readMetric(text, series)).toBe(10);
  expect(readMetric(text, 'pouchgate_workers')).toBe(2);
  expect(readMetric(text, 'pouchgate_ready{check="upstream"}')).toBe(1);
  expect(readMetric(text, 'pouchgate_upstream_connections{pool="feeds"}')).toBe(4);

  const [killed = 0, hung = 0] = server.workerPids().values();
  process.kill(killed, 'SIGKILL');
  await server.waitForLog('A worker is ready.', 3);
  expect(readMetric(await readMetrics(server), series)).toBe(10);
  expect(readMetric(await readMetrics(server), 'pouchgate_worker_restarts_total')).toBe(1);

  process.kill(hung, 'SIGSTOP');
  const startedAt = performance.now();
  const withoutHung = await readMetrics(server);
  // Prometheus waits for ten seconds.
  expect(performance.now() - startedAt).toBeLessThan(scaleMs(8_000));
  process.kill(hung, 'SIGCONT');
  expect(readMetric(withoutHung, series)).toBe(10);
  expect(readMetric(withoutHung, 'pouchgate_workers')).toBe(1);
});

promtoolTest('promtool finds no fault in the merged metrics', async () => {
  const server = await startWorkerServer(upstream);
  await server.send('ida', '/readyz');
  expect(runCheck('promtool', ['check', 'metrics'], await readMetrics(server))).toEqual({ exitCode: 0, output: '' });
});

test('a worker that cannot start ends the server with its sentence', async () => {
  const occupant = createServer().listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  const address = occupant.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const child = spawnWorkerServer({ ...upstream.env(), PORT: String(port), JWT_SECRET: 's'.repeat(32) });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  occupant.close();
  expect(code).toBe(1);
  expect(output.match(/Port \d+ of 127\.0\.0\.1 is in use\./g)).toHaveLength(1);
  expect(output).not.toContain('Pouchgate is at');
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/** Clients that are not signed in, and send more than the server can handle. The server's work for them is counted. */

const SOCKETS = 60;
const REQUESTS_PER_SOCKET = 5_000;
/** The unanswered requests of a connection that are handled; the next one destroys it. */
const MAX_UNANSWERED = 32;

let gate: TestGate;
let sockets: Socket[];
beforeAll(async () => {
  gate = await startTestGate({ METRICS_PORT: '0' });
  await (await gate.request('ida', '/')).text();
});
afterAll(() => gate.close());
beforeEach(() => {
  sockets = [];
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});

const port = (): number => Number(new URL(gate.url).port);

/** Returns the sum of a metric over all labels, or over those that contain `label`. */
async function readMetric(name: string, label = ''): Promise<number> {
  const text = await (await fetch(gate.pouchgate.metricsUrl ?? '')).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(label));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Opens connections that each send thousands of requests at once and read no response. */
async function pipelineFromManySockets(): Promise<void> {
  const bytes = 'GET /sync/ HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(REQUESTS_PER_SOCKET);
  sockets = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const socket = connect(port(), '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    }),
  );
  for (const socket of sockets) socket.write(bytes);
}

const handledRequests = async (): Promise<number> =>
  (await readMetric('pouchgate_requests_total')) + (await readMetric('pouchgate_shed_requests_total'));

test('connections that pipeline thousands of requests are destroyed, and other clients are served', async () => {
  const before = await handledRequests();
  await pipelineFromManySockets();
  const statuses: number[] = [];
  // The sockets stay open on the client's side. They are closed only by the server.
  while (sockets.some(({ destroyed }) => !destroyed)) {
    for (const socket of sockets) socket.resume();
    statuses.push((await gate.request('ida', '/')).status, (await fetch(`${gate.url}/healthz`)).status);
  }
  statuses.push((await gate.request('ida', '/')).status, (await fetch(`${gate.url}/healthz`)).status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  // Of 300,000 requests.
  const own = statuses.length + 10;
  expect((await handledRequests()) - before).toBeLessThanOrEqual(SOCKETS * MAX_UNANSWERED + own);
  expect(await readMetric('pouchgate_limited_requests_total', 'pipelined_requests')).toBeGreaterThanOrEqual(SOCKETS);
});

test('clients that leave after they have sent thousands of requests cost nothing more', async () => {
  const before = await handledRequests();
  await pipelineFromManySockets();
  for (const socket of sockets) socket.destroy();
  expect((await fetch(`${gate.url}/healthz`)).status).toBe(200);
  await eventually(async () => (await readMetric('pouchgate_admission_queue')) === 0);
  expect((await handledRequests()) - before).toBeLessThanOrEqual(SOCKETS * MAX_UNANSWERED + 10);
});

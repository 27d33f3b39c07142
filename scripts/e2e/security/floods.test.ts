import { once } from 'node:events';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/** Clients that are not signed in, and send more than the server can handle. The server's work for them is counted. */

const SOCKETS = 60;
const REQUESTS_PER_SOCKET = 5_000;
/** The unanswered requests of a connection that are handled; the next one destroys it. */
const MAX_UNANSWERED = 32;
/** Connections of a flood that are open at once. */
const FLOOD_SIZE = 100;

let gate: TestGate;
let sockets: Socket[];
beforeAll(async () => {
  // Addresses of 127.0.0.0/8 are different clients.
  gate = await startTestGate({ METRICS_PORT: '0', TRUSTED_PROXIES: '10.0.0.1', CORS_ORIGINS: 'https://app.example' });
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
  (await readMetric('pouchgate_requests_total')) + (await readMetric('pouchgate_shed_requests_total', 'busy'));

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
  expect(await readMetric('pouchgate_shed_requests_total', 'pipelining')).toBeGreaterThanOrEqual(SOCKETS);
});

test('clients that leave after they have sent thousands of requests cost nothing more', async () => {
  const before = await handledRequests();
  await pipelineFromManySockets();
  for (const socket of sockets) socket.destroy();
  expect((await fetch(`${gate.url}/healthz`)).status).toBe(200);
  await eventually(async () => (await readMetric('pouchgate_admission_queue')) === 0);
  expect((await handledRequests()) - before).toBeLessThanOrEqual(SOCKETS * MAX_UNANSWERED + 10);
});

interface RequestOptions {
  readonly path: string;
  readonly localAddress: string;
  /** Default: each request opens a connection. */
  readonly agent?: http.Agent;
  readonly token?: string;
}

/** Resolves with the status of a request from an address. */
const request = ({ path, localAddress, agent, token }: RequestOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = http.get(`${gate.url}${path}`, { localAddress, agent: agent ?? false, headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    sent.once('error', reject);
  });

test('a flood of connections from one address does not delay the requests of another', async () => {
  let [isOver, flooded] = [false, 0];
  const path = `/sync/${gate.upstream.names.registry}`;
  const flood = Array.from({ length: FLOOD_SIZE }, async () => {
    while (!isOver) {
      expect(await request({ path, localAddress: '127.0.0.2' })).toBe(401);
      flooded += 1;
    }
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const user = { path, localAddress: '127.0.0.3', agent, token: gate.token('ida') };
  expect(await request(user)).toBe(200);
  const floodedMeanwhile: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    const before = flooded;
    expect(await request(user)).toBe(200);
    floodedMeanwhile.push(flooded - before);
  }
  isOver = true;
  await Promise.all(flood);
  agent.destroy();
  // In order of arrival, the requests of all other connections would come first each time.
  const median = floodedMeanwhile.toSorted((a, b) => a - b)[25];
  expect(median).toBeLessThan(FLOOD_SIZE * 0.75);
});

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, Socket, type AddressInfo } from 'node:net';
import { eventually } from '../testing/fake-couchdb.ts';
import { AdmissionQueue, type AdmissionQueueOptions } from './admission-queue.ts';
import { connectionLimits, parseOpenFilesLimit } from './connection-limit.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function listen(handler: RequestListener, options: Partial<AdmissionQueueOptions> = {}): Promise<AdmissionQueue> {
  const admission = new AdmissionQueue({
    handler,
    openConnections: () => 1,
    maxConnections: 10,
    maxQueuedPerConnection: 1_000,
    random: () => 0.5,
    ...options,
  });
  server = createServer(admission.listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return admission;
}

const paths = (count: number): string[] => Array.from({ length: count }, (_, n) => `/${n}`);

/** Pipelines requests on one connection, so that one iteration parses them all. Resolves with the responses at its end. */
async function sendAtOnce(requestPaths: readonly string[]): Promise<string> {
  const socket = connect((server?.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  socket.write(
    requestPaths
      .map(
        (path, n) =>
          `GET ${path} HTTP/1.1\r\nHost: x\r\n${n === requestPaths.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
      )
      .join(''),
  );
  await once(socket, 'close');
  return text;
}

const statuses = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));

it('starts simultaneous requests in order, 32 per event loop iteration, and answers all of them', async () => {
  const started: string[] = [];
  let [startedByThen, queuedByThen] = [0, 0];
  const admission = await listen((req, res) => {
    // Runs after the queue's own first iteration.
    if (started.length === 0) setImmediate(() => ([startedByThen, queuedByThen] = [started.length, admission.queued]));
    started.push(req.url ?? '');
    res.end();
  });
  const text = await sendAtOnce(paths(100));
  expect(started).toEqual(paths(100));
  expect(statuses(text)).toEqual(Array(100).fill(200));
  expect([startedByThen, queuedByThen]).toEqual([64, 36]);
  expect([admission.queued, admission.shed]).toEqual([0, 0]);
});

it('health checks bypass the queue', async () => {
  const started: string[] = [];
  await listen((req, res) => {
    started.push(req.url ?? '');
    res.end();
  });
  await sendAtOnce([...paths(60), '/healthz', '/60']);
  expect(started).toEqual([...paths(32), '/healthz', ...paths(61).slice(32)]);
});

it('starts 32 requests per 100 ms while connections arrive, and the rest once none do', async () => {
  const started: { path: string; at: number }[] = [];
  let [turns, time] = [0, 0];
  const admission = await listen(
    (req, res) => {
      if (started.length === 0) setImmediate(acceptNext);
      started.push({ path: req.url ?? '', at: time });
      res.end();
    },
    { now: () => time },
  );
  /** Runs 40 iterations of 10 ms, each with a new connection. */
  const acceptNext = (): void => {
    admission.onConnection(new Socket());
    turns += 1;
    time += 10;
    if (turns < 40) setImmediate(acceptNext);
  };
  await sendAtOnce(paths(300));
  expect(started.map(({ path }) => path)).toEqual(paths(300));
  const byBurst = [0, 1, 2].map((n) => started.filter(({ at }) => at > n * 100 && at <= (n + 1) * 100).length);
  // The first 64 were started before the first connection was reported.
  for (const count of byBurst.slice(1)) expect(count).toBeLessThanOrEqual(32);
  expect(byBurst.slice(1)).toContain(32);
});

it('rejects new requests with 503 and Retry-After while the oldest has waited too long, and then recovers', async () => {
  const shedding: boolean[] = [];
  let time = 0;
  const admission = await listen((_req, res) => res.end(), {
    // Each reading of the clock is three seconds later.
    now: () => (time += 3_000),
    onSheddingChange: (is) => void shedding.push(is),
  });
  const text = await sendAtOnce(paths(40));
  // Two requests are queued. When the next arrives, the first of them has waited nine seconds.
  expect(statuses(text)).toEqual([...Array<number>(34).fill(200), ...Array<number>(6).fill(503)]);
  expect(text.match(/^retry-after: 5\r$/gim)).toHaveLength(6);
  expect(text).toContain('{"error":"service_unavailable","reason":"The server is busy."}');
  expect([admission.shed, shedding]).toEqual([6, [true, false]]);
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('rejects a request on a connection beyond the limit with 503 and Connection: close', async () => {
  let connections = 11;
  const admission = await listen((_req, res) => res.end(), { openConnections: () => connections });
  server?.on('connection', (socket) => admission.onConnection(socket));
  const text = await sendAtOnce(['/']);
  expect(statuses(text)).toEqual([503]);
  expect(text).toMatch(/^connection: close\r$/im);
  connections = 10;
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('serves connections that were accepted before the limit was exceeded', async () => {
  let connections = 10;
  const admission = await listen(
    (_req, res) => {
      connections = 11;
      res.end();
    },
    { openConnections: () => connections },
  );
  server?.on('connection', (socket) => admission.onConnection(socket));
  expect(statuses(await sendAtOnce(['/', '/', '/']))).toEqual([200, 200, 200]);
});

it('limits the queued requests of a pipelining connection and closes it beyond the limit', async () => {
  const started: string[] = [];
  await listen(
    (req, res) => {
      started.push(req.url ?? '');
      res.end();
    },
    { maxQueuedPerConnection: 32 },
  );
  const text = await sendAtOnce(paths(100));
  // 32 start in the first iteration, 32 are queued, and the next one ends the connection.
  expect(started).toEqual(paths(64));
  expect(statuses(text).slice(0, 64)).toEqual(Array(64).fill(200));
  expect(new Set(statuses(text).slice(64))).toEqual(new Set([503]));
  expect(text).toMatch(/^connection: close\r$/im);
});

it('limits the health checks that bypass the queue per iteration', async () => {
  const started: string[] = [];
  await listen((req, res) => {
    started.push(req.url ?? '');
    res.end();
  });
  await sendAtOnce([...paths(40), ...Array<string>(20).fill('/healthz'), '/last']);
  expect(started.slice(32, 40)).toEqual(Array(8).fill('/healthz'));
  expect(started.slice(40, 48)).toEqual(paths(40).slice(32));
  expect(started).toHaveLength(61);
});

it('does not start queued requests of a client that has disconnected', async () => {
  let started = 0;
  const admission = await listen((req) => {
    started += 1;
    req.socket.destroy();
  });
  await sendAtOnce(paths(90));
  await eventually(() => admission.queued === 0);
  expect(started).toBe(1);
});

it('parses the limit on open files in the format of Linux', () => {
  const limits = 'Limit                     Soft Limit           Hard Limit           Units\n';
  expect(
    parseOpenFilesLimit(`${limits}Max open files            20000                1048576              files\n`),
  ).toBe(20_000);
  expect(
    parseOpenFilesLimit(`${limits}Max open files            unlimited            unlimited            files\n`),
  ).toBe(Number.POSITIVE_INFINITY);
});

it.each([
  [20_000, 19_744, 19_872],
  [256, 128, 192],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
])('of %d open files, reserves some for CouchDB and some for rejecting connections', (files, served, accepted) => {
  expect(connectionLimits(files)).toEqual({ served, accepted });
});

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, Socket, type AddressInfo } from 'node:net';
import { PreparedRefusals } from '../http/prepared-refusal.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { AdmissionQueue, type AdmissionQueueOptions } from './admission-queue.ts';
import { connectionLimits, parseOpenFilesLimit } from './connection-limit.ts';

let server: Server | undefined;
/** Refuses with `Retry-After: 5`. */
let refusals: PreparedRefusals;
beforeEach(() => {
  refusals = new PreparedRefusals({ corsOrigins: [], random: () => 0.5 });
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The client of a test's request is the first part of its path. */
const clientOf = ({ url = '' }: IncomingMessage): string => url.split('/')[1] ?? '';

type TestOptions = Partial<AdmissionQueueOptions> & Pick<AdmissionQueueOptions, 'handler'>;

async function listen(options: TestOptions): Promise<AdmissionQueue> {
  const admission = new AdmissionQueue({
    keyOf: clientOf,
    refusals,
    openConnections: () => 1,
    maxConnections: 10,
    ...options,
  });
  server = createServer(admission.listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return admission;
}

/** A handler that records the paths of the requests, and a clock on which each of them takes `ms`. */
function recordStarts(ms: number) {
  const started: string[] = [];
  let time = 0;
  const handler: AdmissionQueueOptions['handler'] = (req, res) => {
    started.push(req.url ?? '');
    time += ms;
    res.end();
  };
  return { started, handler, now: () => time };
}

const paths = (count: number, client = 'a'): string[] => Array.from({ length: count }, (_, n) => `/${client}/${n}`);

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

it('starts the requests of a client in order, for 5 ms per event loop iteration, and answers all of them', async () => {
  const { started, handler, now } = recordStarts(1);
  let [startedByThen, queuedByThen] = [0, 0];
  const admission = await listen({
    now,
    handler: (req, res, arrivedAt) => {
      // Runs after the queue's own first iteration.
      if (started.length === 0)
        setImmediate(() => ([startedByThen, queuedByThen] = [started.length, admission.queued]));
      handler(req, res, arrivedAt);
    },
  });
  const text = await sendAtOnce(paths(100));
  expect(started).toEqual(paths(100));
  expect(statuses(text)).toEqual(Array(100).fill(200));
  expect([startedByThen, queuedByThen]).toEqual([10, 90]);
  expect([admission.queued, refusals.sent]).toEqual([0, 0]);
});

it('a client with few requests does not wait for those of a client with many', async () => {
  const { started, handler, now } = recordStarts(1);
  await listen({ handler, now });
  await sendAtOnce([...paths(90, 'many'), ...paths(5, 'few'), ...paths(5, 'other')]);
  expect(started).toHaveLength(100);
  // The first five start at once, and then the three clients by turns. A turn of the first client may come first.
  expect(started.indexOf('/few/4')).toBeLessThanOrEqual(5 + 3 * 5 + 1);
  expect(started.indexOf('/other/4')).toBeLessThanOrEqual(5 + 3 * 5 + 1);
  expect(started.filter((path) => path.startsWith('/many'))).toEqual(paths(90, 'many'));
});

it('passes the time of arrival to the handler', async () => {
  const { handler, now } = recordStarts(10);
  const arrivals: number[] = [];
  await listen({
    now,
    handler: (req, res, arrivedAt) => {
      arrivals.push(arrivedAt);
      handler(req, res, arrivedAt);
    },
  });
  await sendAtOnce(paths(3));
  // The second and third were parsed after the first had started.
  expect(arrivals).toEqual([0, 10, 10]);
});

it('holds a request for seven seconds, then refuses it with 503 and Retry-After, and recovers', async () => {
  const { started, handler, now } = recordStarts(1_000);
  const admission = await listen({ handler, now });
  const text = await sendAtOnce(paths(20));
  // The first starts at once, the others wait from then on. When the eighth has started, they have waited for seven seconds.
  expect(started).toEqual(paths(8));
  expect(statuses(text)).toEqual([...Array<number>(8).fill(200), ...Array<number>(12).fill(503)]);
  expect(text.match(/^retry-after: 5\r$/gim)).toHaveLength(12);
  expect(text).toContain('{"error":"service_unavailable","reason":"The server is busy."}');
  expect([admission.queued, refusals.sent]).toEqual([0, 12]);
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('when the queue is full, refuses clients that have many requests in it, and queues those of others', async () => {
  const { started, handler, now } = recordStarts(10);
  await listen({ handler, now, maxQueuedRequests: 40 });
  const text = await sendAtOnce([...paths(60, 'many'), ...paths(20, 'few')]);
  // One starts at once and 40 are queued.
  expect(statuses(text).slice(0, 60)).toEqual([...Array<number>(41).fill(200), ...Array<number>(19).fill(503)]);
  expect(statuses(text).slice(60)).toEqual([...Array<number>(16).fill(200), ...Array<number>(4).fill(503)]);
  expect(started).toHaveLength(57);
});

it('the queue never exceeds twice its limit, however many clients there are', async () => {
  const { started, handler, now } = recordStarts(10);
  await listen({ handler, now, maxQueuedRequests: 10 });
  const text = await sendAtOnce(Array.from({ length: 50 }, (_, n) => `/client${n}`));
  expect(statuses(text)).toEqual([...Array<number>(21).fill(200), ...Array<number>(29).fill(503)]);
  expect(started).toHaveLength(21);
});

it('refuses a request on a connection beyond the limit with 503 and Connection: close', async () => {
  let connections = 11;
  const admission = await listen({ handler: (_req, res) => res.end(), openConnections: () => connections });
  server?.on('connection', (socket) => admission.onConnection(socket));
  const text = await sendAtOnce(['/']);
  expect(statuses(text)).toEqual([503]);
  expect(text).toMatch(/^connection: close\r$/im);
  expect(refusals.sent).toBe(1);
  connections = 10;
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('serves connections that were accepted before the limit was exceeded', async () => {
  let connections = 10;
  const admission = await listen({
    handler: (_req, res) => {
      connections = 11;
      res.end();
    },
    openConnections: () => connections,
  });
  server?.on('connection', (socket) => admission.onConnection(socket));
  expect(statuses(await sendAtOnce(['/', '/', '/']))).toEqual([200, 200, 200]);
});

it('health checks bypass the queue, up to 32 per second and client', async () => {
  const { started, handler, now } = recordStarts(1);
  await listen({ handler, now, keyOf: () => 'one client' });
  await sendAtOnce([...paths(40), ...Array<string>(40).fill('/healthz'), '/last']);
  expect(started.slice(0, 37)).toEqual([...paths(5), ...Array<string>(32).fill('/healthz')]);
  expect(started.slice(37)).toEqual([...paths(40).slice(5), ...Array<string>(8).fill('/healthz'), '/last']);
});

it('starts few requests while every iteration accepts a connection, and the rest afterwards', async () => {
  const started: string[] = [];
  let [time, iterations, startedMeanwhile] = [0, 0, 0];
  const admission = await listen({
    now: () => time,
    handler: (req, res) => {
      if (started.length === 0) setImmediate(acceptNext);
      started.push(req.url ?? '');
      time += 1;
      res.end();
    },
  });
  /** Runs 30 iterations of at least 1 ms, each with a new connection. */
  const acceptNext = (): void => {
    admission.onConnection(new Socket());
    iterations += 1;
    time += 1;
    startedMeanwhile = started.length;
    if (iterations < 30) setImmediate(acceptNext);
  };
  await sendAtOnce(paths(300));
  expect(iterations).toBe(30);
  // Five per iteration would be 150.
  expect(startedMeanwhile).toBeLessThanOrEqual(25);
  expect(started).toEqual(paths(300));
});

it('does not start queued requests of a client that has disconnected', async () => {
  let started = 0;
  const admission = await listen({
    handler: (req) => {
      started += 1;
      req.socket.destroy();
    },
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

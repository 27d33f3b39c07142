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

/** Sends all requests at once on one connection, so that they are parsed in one turn, and reads until it is closed. */
async function sendAtOnce(asked: readonly string[]): Promise<string> {
  const socket = connect((server?.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  socket.write(
    asked
      .map(
        (path, n) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${n === asked.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
      )
      .join(''),
  );
  await once(socket, 'close');
  return text;
}

const statuses = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));

it('what comes at once is begun in its order, 32 in a turn of the event loop, and all of it is answered', async () => {
  const begun: string[] = [];
  let [begunByThen, queuedByThen] = [0, 0];
  const admission = await listen((req, res) => {
    // This comes after the queue's own first turn.
    if (begun.length === 0) setImmediate(() => ([begunByThen, queuedByThen] = [begun.length, admission.queued]));
    begun.push(req.url ?? '');
    res.end();
  });
  const text = await sendAtOnce(paths(100));
  expect(begun).toEqual(paths(100));
  expect(statuses(text)).toEqual(Array(100).fill(200));
  expect([begunByThen, queuedByThen]).toEqual([64, 36]);
  expect([admission.queued, admission.shed]).toEqual([0, 0]);
});

it('who asks whether the process lives does not wait', async () => {
  const begun: string[] = [];
  await listen((req, res) => {
    begun.push(req.url ?? '');
    res.end();
  });
  await sendAtOnce([...paths(60), '/healthz', '/60']);
  expect(begun).toEqual([...paths(32), '/healthz', ...paths(61).slice(32)]);
});

it('while connections come, turns are short: 32 requests are begun in 100 ms, and the rest when no more come', async () => {
  const begun: { path: string; at: number }[] = [];
  let [turns, time] = [0, 0];
  const admission = await listen(
    (req, res) => {
      if (begun.length === 0) setImmediate(acceptAgain);
      begun.push({ path: req.url ?? '', at: time });
      res.end();
    },
    { now: () => time },
  );
  /** 40 turns, each with a connection, each taking 10 ms. */
  const acceptAgain = (): void => {
    admission.onConnection(new Socket());
    turns += 1;
    time += 10;
    if (turns < 40) setImmediate(acceptAgain);
  };
  await sendAtOnce(paths(300));
  expect(begun.map(({ path }) => path)).toEqual(paths(300));
  const byBurst = [0, 1, 2].map((n) => begun.filter(({ at }) => at > n * 100 && at <= (n + 1) * 100).length);
  // 64 before it was known that connections come.
  for (const count of byBurst.slice(1)) expect(count).toBeLessThanOrEqual(32);
  expect(byBurst.slice(1)).toContain(32);
});

it('when the first has waited too long who comes is refused with 503 and told when to come back; then all is well again', async () => {
  const shedding: boolean[] = [];
  let time = 0;
  const admission = await listen((_req, res) => res.end(), {
    // Three seconds from one look at the clock to the next.
    now: () => (time += 3_000),
    onSheddingChange: (is) => void shedding.push(is),
  });
  const text = await sendAtOnce(paths(40));
  // Two wait; when the next comes the first of them has waited for nine seconds.
  expect(statuses(text)).toEqual([...Array<number>(34).fill(200), ...Array<number>(6).fill(503)]);
  expect(text.match(/^retry-after: 5\r$/gim)).toHaveLength(6);
  expect(text).toContain('{"error":"service_unavailable","reason":"The server is busy."}');
  expect([admission.shed, shedding]).toEqual([6, [true, false]]);
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('with more connections than the system gives, a request is refused and its connection ended, in words', async () => {
  let connections = 11;
  const admission = await listen((_req, res) => res.end(), { openConnections: () => connections });
  server?.on('connection', (socket) => admission.onConnection(socket));
  const text = await sendAtOnce(['/']);
  expect(statuses(text)).toEqual([503]);
  expect(text).toMatch(/^connection: close\r$/im);
  connections = 10;
  expect(statuses(await sendAtOnce(['/']))).toEqual([200]);
});

it('those who were connected before there were too many are served', async () => {
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

it('a connection whose requests do not wait for answers does not take the places of others', async () => {
  const begun: string[] = [];
  await listen(
    (req, res) => {
      begun.push(req.url ?? '');
      res.end();
    },
    { maxQueuedPerConnection: 32 },
  );
  const text = await sendAtOnce(paths(100));
  // 32 in the first turn, 32 that wait, and the first beyond ends the connection.
  expect(begun).toEqual(paths(64));
  expect(statuses(text).slice(0, 64)).toEqual(Array(64).fill(200));
  expect(new Set(statuses(text).slice(64))).toEqual(new Set([503]));
  expect(text).toMatch(/^connection: close\r$/im);
});

it('the process cannot be kept busy with being asked whether it lives', async () => {
  const begun: string[] = [];
  await listen((req, res) => {
    begun.push(req.url ?? '');
    res.end();
  });
  await sendAtOnce([...paths(40), ...Array<string>(20).fill('/healthz'), '/last']);
  expect(begun.slice(32, 40)).toEqual(Array(8).fill('/healthz'));
  expect(begun.slice(40, 48)).toEqual(paths(40).slice(32));
  expect(begun).toHaveLength(61);
});

it('nothing is begun for a client that has gone while it waited', async () => {
  let begun = 0;
  const admission = await listen((req) => {
    begun += 1;
    req.socket.destroy();
  });
  await sendAtOnce(paths(90));
  await eventually(() => admission.queued === 0);
  expect(begun).toBe(1);
});

it('the limit on open files is read as Linux writes it', () => {
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
])('of %d open files connections leave some for CouchDB, and some to refuse by', (files, served, accepted) => {
  expect(connectionLimits(files)).toEqual({ served, accepted });
});

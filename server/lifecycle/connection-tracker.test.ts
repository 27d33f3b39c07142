import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { MAX_WAIT_MS } from '../../couchdb-design/testing/patience.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { trackConnections, type ConnectionTracker } from './connection-tracker.ts';

/** More bytes than the system buffers for a client that does not read. */
const LARGE = 'x'.repeat(16 * 1024 * 1024);

let server: http.Server;
let connections: ConnectionTracker;
let destroyedForPipelining: number;
let parked: ServerResponse[];
let requestedUrls: string[];
const clients: Socket[] = [];

beforeEach(async () => {
  [parked, requestedUrls] = [[], []];
  server = http.createServer((req, res) => {
    requestedUrls.push(req.url ?? '');
    if (req.url === '/parked') {
      res.flushHeaders();
      parked.push(res);
    } else res.end(req.url === '/large' ? LARGE : 'ok');
  });
  destroyedForPipelining = 0;
  connections = trackConnections(server, () => (destroyedForPipelining += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  if (!server.listening) return;
  connections.destroyAll();
  await connections.drain();
});

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  readonly ended: () => boolean;
  get(path: string): void;
}

function connect(): Client {
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  clients.push(socket);
  let text = '';
  socket.setEncoding('latin1');
  let ended = false;
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  socket.on('end', () => (ended = true));
  return {
    socket,
    text: () => text,
    ended: () => ended,
    get: (path) => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
  };
}

it('endKeepAlive makes the next response the last one of each connection, and still accepts connections', async () => {
  const [idle, busy] = [connect(), connect()];
  idle.get('/');
  busy.get('/parked');
  await eventually(() => idle.text().includes('ok') && parked.length === 1);
  connections.endKeepAlive();
  const late = connect();
  late.get('/');
  idle.get('/');
  await eventually(() => late.ended() && idle.ended());
  expect(late.text()).toMatch(/connection: close/i);
  expect(
    idle
      .text()
      .split('HTTP/1.1 200 OK')
      .map((text) => /connection: close/i.test(text)),
  ).toEqual([false, false, true]);
  // The headers of this response had promised keep-alive, so its connection has one more response.
  parked[0]?.end('over');
  await eventually(() => busy.text().includes('over'));
  busy.get('/');
  await eventually(() => busy.ended());
  expect(busy.text()).toMatch(/connection: close/i);
});

it('drain ends idle connections, and refuses new ones', async () => {
  const { port } = server.address() as AddressInfo;
  const [used, unused] = [connect(), connect()];
  used.get('/');
  await eventually(() => used.text().includes('ok') && connections.activeRequests === 0 && !unused.socket.connecting);
  const drained = connections.drain();
  await eventually(() => used.ended() && unused.ended());
  await drained;
  await expect(once(net.connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
});

it('a connection that is established before the port closes is served, even if its request arrives later', async () => {
  const { port } = server.address() as AddressInfo;
  // The client connects in another thread while this one is blocked, so the server has not accepted the connection yet.
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const socket = require('node:net').connect(workerData.port, '127.0.0.1', () => {
       Atomics.store(workerData.shared, 0, 1);
       Atomics.notify(workerData.shared, 0);
     });
     let text = '';
     socket.setEncoding('latin1').on('data', (chunk) => (text += chunk));
     socket.on('error', (error) => (text += error.code)).on('close', () => parentPort.postMessage(text));
     parentPort.on('message', () => socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
     parentPort.unref();`,
    { eval: true, workerData: { port, shared } },
  );
  const received = once(worker, 'message');
  expect(Atomics.wait(shared, 0, 0, MAX_WAIT_MS)).not.toBe('timed-out');
  const drained = connections.drain();
  worker.postMessage('request');
  expect(await received).toEqual([expect.stringMatching(/^HTTP\/1\.1 200 OK[^]*connection: close[^]*ok$/i)]);
  await drained;
  await worker.terminate();
});

it('drain sends a slow client its whole response', async () => {
  const slow = connect();
  slow.socket.pause();
  slow.get('/large');
  await eventually(() => connections.activeRequests === 1);
  const drained = connections.drain();
  slow.socket.resume();
  await drained;
  await eventually(() => slow.ended());
  expect(slow.text().length).toBeGreaterThan(LARGE.length);
});

it('a request on a keep-alive connection is answered during drain, with Connection: close', async () => {
  const client = connect();
  client.get('/parked');
  await eventually(() => parked.length === 1);
  const drained = connections.drain();
  client.get('/second');
  await eventually(() => requestedUrls.includes('/second'));
  parked[0]?.end('first');
  await drained;
  await eventually(() => client.ended());
  const [, first, second] = client.text().split('HTTP/1.1 200 OK');
  expect(first).toContain('first');
  expect(second).toMatch(/connection: close/i);
  expect(second).toMatch(/ok$/);
});

it('a request after a response that promised keep-alive is answered during drain, not reset', async () => {
  const client = connect();
  client.get('/parked');
  await eventually(() => parked.length === 1);
  const drained = connections.drain();
  parked[0]?.end('over');
  await eventually(() => client.text().includes('over'));
  client.get('/next');
  await eventually(() => requestedUrls.includes('/next'));
  await drained;
  expect(client.text().split('HTTP/1.1 200')).toHaveLength(3);
  expect(client.text()).toMatch(/connection: close/i);
});

it('activeRequests counts unfinished responses and drops those of a client that disconnects', async () => {
  const [leaving, staying] = [connect(), connect()];
  leaving.get('/parked');
  leaving.get('/parked');
  staying.get('/parked');
  await eventually(() => connections.activeRequests === 3);
  leaving.socket.destroy();
  await eventually(() => connections.activeRequests === 1);
  const drained = connections.drain();
  parked.at(-1)?.end();
  for (const each of parked) each.end();
  await drained;
  expect(connections.activeRequests).toBe(0);
});

/** Sends a thousand requests in one write, and resolves with the responses once the server has closed the connection. */
async function pipeline(path: string): Promise<string> {
  const client = connect();
  client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1_000));
  await once(client.socket, 'close');
  return client.text();
}

it('destroys a connection with more than 32 unanswered requests, and parses nothing that it has already sent', async () => {
  let parsed = 0;
  server.on('request', () => (parsed += 1));
  let aborted = 0;
  server.on('request', (req) => req.once('close', () => (aborted += 1)));
  await pipeline('/parked');
  expect(requestedUrls.slice(0, 32)).toEqual(Array(32).fill('/parked'));
  expect(parsed).toBe(33);
  expect(destroyedForPipelining).toBe(1);
  // Nothing is left of the connection.
  await eventually(() => connections.activeRequests === 0 && connections.openConnections === 0 && aborted >= 32);
});

it('serves other connections after one was destroyed, on the same parsers', async () => {
  for (let n = 0; n < 3; n += 1) {
    await pipeline('/parked');
    const client = connect();
    client.get('/');
    await eventually(() => client.text().includes('ok'));
    client.get('/second');
    await eventually(() => requestedUrls.includes('/second'));
    client.socket.destroy();
  }
  expect(destroyedForPipelining).toBe(3);
});

it('serves a client that pipelines a few requests', async () => {
  const client = connect();
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(32));
  await eventually(() => client.text().split('HTTP/1.1 200 OK').length === 33);
  expect(destroyedForPipelining).toBe(0);
});

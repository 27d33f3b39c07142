import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { createForward, type Forward, type UpstreamResponse, type UpstreamRequest } from './forward.ts';
import { eventually, startFakeUpstream, type FakeUpstreamHandler, type FakeUpstream } from '../testing/fake-couchdb.ts';

/** What the gate builds out of whatever the client has sent: always this, unless a test says otherwise. */
let built: UpstreamRequest = { method: 'GET', path: ['registry', 'user_a'], authorization: 'Basic gate' };
let answer: FakeUpstreamHandler = (_request, response) => response.end('{}');
let settled: (UpstreamResponse | Error)[] = [];
let upstream: FakeUpstream;
let forward: Forward;
let server: http.Server;
let port: number;
let headers: IncomingMessage['headers'] = {};

const settleWith = (result: UpstreamResponse | Error, res: ServerResponse): void => {
  settled.push(result);
  if (res.destroyed) return;
  res.writeHead(result instanceof Error ? 599 : 200).end(result instanceof Error ? result.message : 'ok');
};

beforeEach(async () => {
  settled = [];
  answer = (_request, response) => response.end('{}');
  built = { method: 'GET', path: ['registry', 'user_a'], authorization: 'Basic gate' };
  upstream = await startFakeUpstream((request, response, body) => {
    ({ headers } = request);
    answer(request, response, body);
  });
  forward = createForward(upstream.access.url, { timeoutMs: 400 });
  server = http.createServer((req, res) => {
    req.resume();
    forward(built, res).then(
      (told) => settleWith(told, res),
      (error: unknown) => settleWith(error instanceof Error ? error : new Error(String(error)), res),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await upstream.close();
});

/** Sends raw bytes as a client would, and resolves with how many answers came back. */
async function send(text: string, answers = 1): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let told = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => (told += chunk));
  socket.on('error', () => undefined);
  socket.write(text);
  await eventually(() => told.split('HTTP/1.1 ').length > answers);
  socket.destroy();
  return told;
}

const GET = 'GET /anything HTTP/1.1\r\nHost: x\r\n\r\n';

it('sends the built request alone: nothing of what the client has sent, whatever it was', async () => {
  built = {
    method: 'POST',
    path: ['registry', '_bulk_get', 'ü/?#'],
    query: { revs: 'true', x: '&=' },
    body: { docs: [{ id: 'user_ä' }] },
    authorization: 'Bearer user',
  };
  const tricks = 'Connection: keep-alive, x-secret\r\nX-Secret: 1\r\nCookie: a=b\r\nX-Auth-CouchDB-UserName: admin\r\n';
  await send(`DELETE /../%2e%2e//_users?filter=x HTTP/1.1\r\nHost: evil\r\n${tricks}X-Forwarded-For: 1.2.3.4\r\n\r\n`);
  const body = '{"docs":[{"id":"user_ä"}]}';
  expect(upstream.requests).toEqual([
    { method: 'POST', url: '/registry/_bulk_get/%C3%BC%2F%3F%23?revs=true&x=%26%3D', body },
  ]);
  expect(headers).toEqual({
    accept: 'application/json',
    'accept-encoding': 'identity',
    authorization: 'Bearer user',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    host: new URL(upstream.access.url).host,
    connection: 'keep-alive',
  });
});

it.each(['DELETE', 'OPTIONS', 'GET', 'POST'])(
  "a chunked body of a client's %s runs as no request of its own",
  async (method) => {
    const smuggled = 'GET /_users/_all_docs HTTP/1.1\r\nHost: x\r\nX: ';
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    for (const agree of [
      built,
      { ...built, method: 'DELETE' as const },
      { ...built, method: 'POST' as const, body: {} },
    ]) {
      built = agree;
      await send(`${method} /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
    }
    expect(upstream.requests.map(({ url }) => url)).toEqual(Array(3).fill('/registry/user_a'));
  },
);

it('requests that a client sends at once each get their own answer, in their order', async () => {
  let count = 0;
  answer = (_request, response) => response.end(JSON.stringify({ n: (count += 1) }));
  await send(GET.repeat(5), 5);
  expect(settled).toHaveLength(5);
  expect(settled.map((each) => (each instanceof Error ? each : each.body))).toEqual(
    [1, 2, 3, 4, 5].map((n) => ({ n })),
  );
});

it.each([
  ['401', (response: ServerResponse) => response.writeHead(401).end('{"error":"unauthorized"}'), 502],
  ['403', (response: ServerResponse) => response.writeHead(403).end('{"error":"forbidden"}'), 502],
  ['a redirect', (response: ServerResponse) => response.writeHead(302, { location: '/_users' }).end(), 502],
  ['HTML', (response: ServerResponse) => response.end('<html></html>'), 502],
  ['nothing', (response: ServerResponse) => response.end(), 502],
  ['broken JSON', (response: ServerResponse) => response.end('{"a":'), 502],
  [
    'less than it said',
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{}', () => response.destroy());
    },
    502,
  ],
  ['429', (response: ServerResponse) => response.writeHead(429).end('{}'), 503],
  ['503', (response: ServerResponse) => response.writeHead(503).end('{}'), 503],
  ['a broken connection', (response: ServerResponse) => response.destroy(), 503],
  ['silence', () => undefined, 503],
] as const)(
  'an upstream that answers %s is an error of its own, and the next request is answered',
  async (_name, fail, status) => {
    answer = (_request, response) => fail(response);
    await send(GET);
    expect(settled).toEqual([expect.objectContaining({ status })]);
    answer = (_request, response) => response.end('{"ok":true}');
    await send(GET);
    expect(settled[1]).toEqual({ status: 200, body: { ok: true } });
  },
);

it.each([200, 201, 404, 409, 500])('a status %i with JSON is told as it is', async (status) => {
  answer = (_request, response) => response.writeHead(status).end('{"x":1}');
  await send(GET);
  expect(settled).toEqual([{ status, body: { x: 1 } }]);
});

it('an answer that goes on and on is cut off, and not kept', async () => {
  let gone = false;
  answer = (_request, response) => {
    const chunk = `"${'x'.repeat(1024 * 1024)}",`;
    const more = (): void => {
      while (!gone && response.write(chunk));
    };
    response.on('close', () => (gone = true)).on('drain', more);
    response.write('[');
    more();
  };
  forward = createForward(upstream.access.url, { timeoutMs: 10_000 });
  await send(GET);
  expect(settled).toEqual([expect.objectContaining({ status: 502 })]);
  await eventually(() => gone);
});

it('when the client goes away its request upstream ends too, and whoever waits hears of it', async () => {
  let gone = false;
  let asked = false;
  forward = createForward(upstream.access.url, { timeoutMs: 20_000 });
  answer = (_request, response) => {
    asked = true;
    response.on('close', () => (gone = true));
  };
  const socket = net.connect(port, '127.0.0.1');
  socket.write(GET);
  await eventually(() => asked);
  socket.destroy();
  await eventually(() => gone && settled.length === 1);
  expect(settled).toEqual([expect.objectContaining({ status: 503 })]);
});

it('when the client goes away in the middle of the answer, whoever waits hears of it', async () => {
  let begun = false;
  forward = createForward(upstream.access.url, { timeoutMs: 20_000 });
  answer = (_request, response) => {
    response.write('{"half":', () => (begun = true));
  };
  const socket = net.connect(port, '127.0.0.1');
  socket.write(GET);
  await eventually(() => begun);
  socket.destroy();
  await eventually(() => settled.length === 1);
  expect(settled).toEqual([expect.objectContaining({ status: expect.any(Number) as number })]);
});

it('a request for a client that has gone already is not sent', async () => {
  server.removeAllListeners('request');
  let result: Promise<unknown> | undefined;
  server.on('request', (req, res) => {
    req.socket.destroy();
    res.on('close', () => {
      result = forward(built, res).catch((error: unknown) => error);
    });
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(GET);
  await eventually(() => result !== undefined);
  expect(await result).toMatchObject({ status: 503 });
  expect(upstream.requests).toEqual([]);
});

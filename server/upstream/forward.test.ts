import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { createForward, type Forward, type UpstreamResponse, type UpstreamRequest } from './forward.ts';
import { eventually, startFakeUpstream, type FakeUpstreamHandler, type FakeUpstream } from '../testing/fake-couchdb.ts';

/** The request that the gate builds, independent of the client's request. Tests may replace it. */
let built: UpstreamRequest = { method: 'GET', path: ['registry', 'user_a'], authorization: 'Basic gate' };
let respond: FakeUpstreamHandler = (_request, response) => response.end('{}');
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
  respond = (_request, response) => response.end('{}');
  built = { method: 'GET', path: ['registry', 'user_a'], authorization: 'Basic gate' };
  upstream = await startFakeUpstream((request, response, body) => {
    ({ headers } = request);
    respond(request, response, body);
  });
  forward = createForward(upstream.access.url, { timeoutMs: 400 });
  server = http.createServer((req, res) => {
    req.resume();
    forward(built, res).then(
      (result) => settleWith(result, res),
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

/** Sends raw bytes as a client, and resolves with the raw responses once `count` of them have arrived. */
async function send(text: string, count = 1): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => (received += chunk));
  socket.on('error', () => undefined);
  socket.write(text);
  await eventually(() => received.split('HTTP/1.1 ').length > count);
  socket.destroy();
  return received;
}

const GET = 'GET /anything HTTP/1.1\r\nHost: x\r\n\r\n';

it("sends the built request alone, and nothing of the client's request", async () => {
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
  'does not run the chunked body of a client’s %s as a request',
  async (method) => {
    const smuggled = 'GET /_users/_all_docs HTTP/1.1\r\nHost: x\r\nX: ';
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    for (const request of [
      built,
      { ...built, method: 'DELETE' as const },
      { ...built, method: 'POST' as const, body: {} },
    ]) {
      built = request;
      await send(`${method} /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
    }
    expect(upstream.requests.map(({ url }) => url)).toEqual(Array(3).fill('/registry/user_a'));
  },
);

it('resolves pipelined requests with their own responses, in order', async () => {
  let count = 0;
  respond = (_request, response) => response.end(JSON.stringify({ n: (count += 1) }));
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
  ['an empty body', (response: ServerResponse) => response.end(), 502],
  ['malformed JSON', (response: ServerResponse) => response.end('{"a":'), 502],
  [
    'less than its Content-Length',
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{}', () => response.destroy());
    },
    502,
  ],
  ['429', (response: ServerResponse) => response.writeHead(429).end('{}'), 503],
  ['503', (response: ServerResponse) => response.writeHead(503).end('{}'), 503],
  ['a reset connection', (response: ServerResponse) => response.destroy(), 503],
  ['no response', () => undefined, 503],
] as const)(
  'rejects with 502 or 503 when the upstream sends %s, and serves the next request',
  async (_name, fail, status) => {
    respond = (_request, response) => fail(response);
    await send(GET);
    expect(settled).toEqual([expect.objectContaining({ status })]);
    respond = (_request, response) => response.end('{"ok":true}');
    await send(GET);
    expect(settled[1]).toEqual({ status: 200, body: { ok: true } });
  },
);

it.each([200, 201, 404, 409, 500])('resolves with a status %i with JSON unchanged', async (status) => {
  respond = (_request, response) => response.writeHead(status).end('{"x":1}');
  await send(GET);
  expect(settled).toEqual([{ status, body: { x: 1 } }]);
});

it('aborts an endless response instead of buffering it', async () => {
  let isClosed = false;
  respond = (_request, response) => {
    const chunk = `"${'x'.repeat(1024 * 1024)}",`;
    const writeMore = (): void => {
      while (!isClosed && response.write(chunk));
    };
    response.on('close', () => (isClosed = true)).on('drain', writeMore);
    response.write('[');
    writeMore();
  };
  forward = createForward(upstream.access.url, { timeoutMs: 10_000 });
  await send(GET);
  expect(settled).toEqual([expect.objectContaining({ status: 502 })]);
  await eventually(() => isClosed);
});

/** Sends `count` requests on one connection, which it closes once the upstream has received them. Resolves with what ends them. */
async function abandon(count: number): Promise<ServerResponse[]> {
  const responses: ServerResponse[] = [];
  respond = (_request, response) => responses.push(response);
  const socket = net.connect(port, '127.0.0.1');
  socket.write(GET.repeat(count));
  await eventually(() => responses.length === count);
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  return responses;
}

it('does not abort a request whose client has disconnected, and rejects once the response has arrived', async () => {
  let abortedCount = 0;
  forward = createForward(upstream.access.url, { timeoutMs: 20_000 });
  const responses = await abandon(3);
  for (const response of responses) {
    response.on('close', () => {
      if (!response.writableFinished) abortedCount += 1;
    });
  }
  // Another client's request is forwarded meanwhile.
  respond = (_request, response) => response.end('{}');
  await send(GET);
  expect(settled).toEqual([{ status: 200, body: {} }]);
  for (const response of responses) response.end('{"secret":1}');
  await eventually(() => settled.length === 4);
  expect(settled.slice(1)).toEqual(Array(3).fill(expect.objectContaining({ status: 499 })));
  expect(abortedCount).toBe(0);
});

it('discards a response of any size whose client has disconnected', async () => {
  forward = createForward(upstream.access.url, { timeoutMs: 20_000 });
  const [response] = await abandon(1);
  const chunk = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 70; n += 1) if (response?.write(chunk) === false) await once(response, 'drain');
  response?.end();
  await eventually(() => settled.length === 1);
  expect(settled).toEqual([expect.objectContaining({ status: 499 })]);
});

it('rejects when the upstream does not respond to a client that has disconnected', async () => {
  await abandon(1);
  await eventually(() => settled.length === 1);
  expect(settled).toEqual([expect.objectContaining({ status: 499 })]);
});

it('sends no request for a pipelined response whose client has disconnected', async () => {
  server.removeAllListeners('request');
  const results: Promise<unknown>[] = [];
  server.on('request', (req, res) => {
    // The responses after the first one wait for it.
    req.socket.once('close', () => results.push(forward(built, res).catch((error: unknown) => error)));
    if (req.url === '/last') req.socket.destroy();
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(GET + GET + GET.replace('/anything', '/last'));
  await eventually(() => results.length === 3);
  expect(await Promise.all(results)).toEqual(Array(3).fill(expect.objectContaining({ status: 499 })));
  expect(upstream.requests).toEqual([]);
});

it('sends no request for a client that has already disconnected', async () => {
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
  expect(await result).toMatchObject({ status: 499 });
  expect(upstream.requests).toEqual([]);
});

it('closes an idle connection before the upstream does, so that no request is sent on a closing one', async () => {
  let closedByGate = false;
  const closed = new Promise<void>((resolve) => {
    respond = ({ socket }, response) => {
      socket.once('end', () => (closedByGate = true));
      socket.once('close', () => resolve());
      response.setHeader('Keep-Alive', 'timeout=2').end('{}');
    };
  });
  await send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await closed;
  expect(closedByGate).toBe(true);
});

it.each(['GET', 'POST'] as const)(
  'sends a %s again, once, when its idle connection is closed by the upstream',
  async (method) => {
    built = {
      method,
      path: ['registry', '_bulk_get'],
      authorization: 'Basic gate',
      ...(method === 'POST' && { body: {} }),
    };
    await send(GET);
    let failures = 1;
    respond = ({ socket }, response) => {
      if (failures-- > 0) socket.destroy();
      else response.end('{"n":2}');
    };
    await send(GET);
    expect(settled).toEqual([expect.objectContaining({ body: {} }), { status: 200, body: { n: 2 } }]);
    failures = 2;
    await send(GET);
    expect(settled[2]).toMatchObject({ status: 503 });
    expect(upstream.requests).toHaveLength(5);
  },
);

it('does not send a request again that the upstream does not answer in time', async () => {
  await send(GET);
  respond = () => undefined;
  await send(GET);
  expect(settled[1]).toMatchObject({ status: 503 });
  expect(upstream.requests).toHaveLength(2);
});

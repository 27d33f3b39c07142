import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { connect, openUpstream, statusOf } from './client.ts';
import { collectGarbage } from '../testing/fake-couchdb.ts';

let server: Server;
let seen: IncomingMessage[];
let handle: (response: ServerResponse) => void;

const json = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    seen.push(request);
    handle(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

function client(timeoutMs?: number) {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return connect({ url: `http://127.0.0.1:${port}/couch`, username: 'Ünge', password: 'p:@/ss' }, timeoutMs);
}

const rejectionOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return new Error(`The promise did not reject: ${inspect(await promise)}`);
  } catch (error) {
    return error;
  }
};

it('sends credentials with any characters in the header, and keeps the path prefix', async () => {
  handle = json(200, { ok: true });
  await client().request({ db: 'registry', path: '_security' });
  expect(seen[0]?.url).toBe('/couch/registry/_security');
  const [scheme, encoded = ''] = (seen[0]?.headers.authorization ?? '').split(' ');
  expect([scheme, Buffer.from(encoded, 'base64').toString()]).toEqual(['Basic', 'Ünge:p:@/ss']);
});

it('rejects with the status and reason of an error response, without credentials', async () => {
  handle = json(409, { error: 'conflict', reason: 'Document update conflict.' });
  const error = await rejectionOf(client().use('registry').get('user_alice'));
  expect(statusOf(error)).toBe(409);
  expect(error).toMatchObject({ error: 'conflict', reason: 'Document update conflict.' });
  const text = inspect(error, { depth: null, showHidden: true });
  expect(text).not.toContain(seen[0]?.headers.authorization);
  expect(text).not.toContain('p:@/ss');
});

it('rejects without a status on a timeout, a reset connection and a redirect', async () => {
  handle = () => undefined;
  const timedOut = await rejectionOf(client(100).request({ path: '_session' }));
  handle = (response) => response.destroy();
  const reset = await rejectionOf(client().request({ path: '_session' }));
  handle = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  const redirected = await rejectionOf(client().request({ path: '_session' }));
  for (const error of [timedOut, reset, redirected]) {
    expect(statusOf(error)).toBeUndefined();
    expect((error as Error).message).toContain('connection');
  }
});

it.each([200, 404, 502])(
  'rejects without a status when an HTML page (status %i) is cut off, and stays usable',
  async (status) => {
    handle = (response) => {
      response.writeHead(status, { 'content-type': 'text/html', 'content-length': '1000' });
      response.write('<html>', () => response.destroy());
    };
    const couch = client();
    const [one, two] = await Promise.allSettled([
      couch.db.get('x'),
      couch.request({ path: 'y', method: 'post', body: {} }),
    ]);
    for (const each of [one, two]) {
      expect(each.status).toBe('rejected');
      expect(statusOf((each as PromiseRejectedResult).reason)).toBeUndefined();
    }
    handle = json(200, { ok: true });
    expect(await couch.db.get('x')).toEqual({ ok: true });
  },
);

it('does not keep the cookie of a load balancer', async () => {
  handle = (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': 'route=1; Path=/' }).end('{}');
  };
  const couch = client();
  await couch.db.get('x');
  await couch.db.get('x');
  expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
});

it('ends the read of a stalled response within seconds, even after garbage collection', async () => {
  let onStart: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (onStart = resolve));
  handle = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"results":[', onStart);
  };
  const controller = new AbortController();
  const request = { path: '_changes', signal: controller.signal } as const;
  const pending = client().request(request);
  await started;
  await collectGarbage();
  controller.abort();
  const abortedAt = performance.now();
  await Promise.allSettled([pending]);
  expect(performance.now() - abortedAt).toBeLessThan(scaleMs(15_000));
});

it("reads CouchDB's clock from the date of JSON responses, of errors as well, and not from a load balancer's page", async () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const upstream = openUpstream({ url: `http://127.0.0.1:${port}`, username: 'gate', password: 'pw' });
  const dayAhead = (): string => new Date(Date.now() + 86_400_000).toUTCString();
  handle = (response) =>
    response.writeHead(502, { 'content-type': 'text/html', date: dayAhead() }).end('<html>Bad gateway</html>');
  await rejectionOf(upstream.couch.request({ path: '_session' }));
  expect(upstream.clock.offset).toBeUndefined();
  for (const send of [
    () => rejectionOf(upstream.couch.request({ path: '_session' })),
    () => upstream.fetch('/', {}).then((response) => response.text()),
  ]) {
    handle = (response) =>
      response.writeHead(404, { 'content-type': 'application/json', date: dayAhead() }).end('{"error":"not_found"}');
    await send();
    const { offsetMs = 0, uncertaintyMs = Infinity } = upstream.clock.offset ?? {};
    expect(Math.abs(offsetMs - 86_400_000)).toBeLessThanOrEqual(uncertaintyMs + 1);
  }
  await upstream.close();
});

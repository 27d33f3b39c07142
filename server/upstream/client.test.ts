import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { connect, statusOf } from './client.ts';
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

const caught = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return new Error(`Nothing was thrown, but: ${inspect(await promise)}`);
  } catch (error) {
    return error;
  }
};

it('sends the credentials in the header, whatever characters they have, and keeps the path prefix', async () => {
  handle = json(200, { ok: true });
  await client().request({ db: 'registry', path: '_security' });
  expect(seen[0]?.url).toBe('/couch/registry/_security');
  const [scheme, encoded = ''] = (seen[0]?.headers.authorization ?? '').split(' ');
  expect([scheme, Buffer.from(encoded, 'base64').toString()]).toEqual(['Basic', 'Ünge:p:@/ss']);
});

it('an error of the upstream tells its status and reason, and no credentials', async () => {
  handle = json(409, { error: 'conflict', reason: 'Document update conflict.' });
  const error = await caught(client().use('registry').get('user_alice'));
  expect(statusOf(error)).toBe(409);
  expect(error).toMatchObject({ error: 'conflict', reason: 'Document update conflict.' });
  const told = inspect(error, { depth: null, showHidden: true });
  expect(told).not.toContain(seen[0]?.headers.authorization);
  expect(told).not.toContain('p:@/ss');
});

it('an upstream that is silent for too long, gone or redirecting is an error without a status', async () => {
  handle = () => undefined;
  const silent = await caught(client(100).request({ path: '_session' }));
  handle = (response) => response.destroy();
  const gone = await caught(client().request({ path: '_session' }));
  handle = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  const redirecting = await caught(client().request({ path: '_session' }));
  for (const error of [silent, gone, redirecting]) {
    expect(statusOf(error)).toBeUndefined();
    expect((error as Error).message).toContain('connection');
  }
});

it.each([200, 404, 502])(
  'a page that breaks off (status %i) rejects like no answer, and nothing else happens',
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

it('a cookie of a balancer is not kept', async () => {
  handle = (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': 'route=1; Path=/' }).end('{}');
  };
  const couch = client();
  await couch.db.get('x');
  await couch.db.get('x');
  expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
});

it('an answer that begins and falls silent keeps its reader for some seconds, whatever memory was tidied up meanwhile', async () => {
  let begun: () => void = () => undefined;
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  handle = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"results":[', begun);
  };
  const limit = new AbortController();
  const request = { path: '_changes', signal: limit.signal } as const;
  const asked = client().request(request);
  await beginning;
  await collectGarbage();
  limit.abort();
  const aborted = performance.now();
  await Promise.allSettled([asked]);
  expect(performance.now() - aborted).toBeLessThan(15_000);
});

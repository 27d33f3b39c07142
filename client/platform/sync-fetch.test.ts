import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exchange } from '../sync/observe.ts';
import { SilentConnection } from './heard-response.ts';
import { createSyncFetch, SignInNeeded, type SyncFetchOptions } from './sync-fetch.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const fetchWith = (options: Partial<SyncFetchOptions>) =>
  createSyncFetch({
    fetch: globalThis.fetch,
    getToken: () => Promise.resolve('good'),
    silence: 5_000,
    signal: new AbortController().signal,
    onHeard: () => undefined,
    onExchange: () => undefined,
    onSignInNeeded: () => undefined,
    ...options,
  });

const json = (body: unknown, status = 200): [number, string] => [status, JSON.stringify(body)];
const answering =
  (answer: (req: IncomingMessage) => [number, string]): RequestListener =>
  (req, res) => {
    const [status, body] = answer(req);
    res.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

test('the token goes in a header, never in the URL, and no cookie goes along', async () => {
  const seen: IncomingMessage[] = [];
  const url = await serve(
    answering((req) => {
      seen.push(req);
      return json({ ok: true });
    }),
  );
  const response = await fetchWith({})(`${url}/r/`, { credentials: 'include' });
  expect(await response.json()).toEqual({ ok: true });
  expect(seen[0]?.headers.authorization).toBe('Bearer good');
  expect(seen[0]?.url).toBe('/r/');
  expect(seen[0]?.headers.cookie).toBeUndefined();
});

test('a refused token is renewed once and the request sent again, body and all', async () => {
  const bodies: string[] = [];
  const url = await serve((req, res) => {
    void (async () => {
      let body = '';
      for await (const part of req) body += String(part);
      bodies.push(`${req.headers.authorization ?? ''} ${body}`);
      const good = req.headers.authorization === 'Bearer new';
      res.writeHead(good ? 200 : 401).end(good ? '{"ok":true}' : '{"error":"unauthorized"}');
    })();
  });
  const asked: (string | undefined)[] = [];
  const fetch = fetchWith({
    getToken: (refused) => {
      asked.push(refused);
      return Promise.resolve(refused === undefined ? 'old' : 'new');
    },
  });
  const response = await fetch(`${url}/r/_revs_diff`, { method: 'POST', body: '{"a":[]}' });
  expect(response.status).toBe(200);
  expect(asked).toEqual([undefined, 'old']);
  expect(bodies).toEqual(['Bearer old {"a":[]}', 'Bearer new {"a":[]}']);
});

test('a second refusal, or no token at all, asks for signing in', async () => {
  let requests = 0;
  const url = await serve(
    answering(() => {
      requests += 1;
      return json({ error: 'unauthorized' }, 401);
    }),
  );
  let told = 0;
  const onSignInNeeded = (): void => {
    told += 1;
  };
  await expect(fetchWith({ onSignInNeeded })(`${url}/r/`)).rejects.toThrow(SignInNeeded);
  expect([requests, told]).toEqual([2, 1]);
  const none = fetchWith({ onSignInNeeded, getToken: () => Promise.resolve(undefined) });
  await expect(none(`${url}/r/`)).rejects.toThrow(SignInNeeded);
  expect([requests, told]).toEqual([2, 2]);
});

test('a token that cannot be had for want of a network is no reason to sign in', async () => {
  let told = 0;
  const fetch = fetchWith({
    getToken: () => Promise.reject(new TypeError('Failed to fetch')),
    onSignInNeeded: () => (told += 1),
  });
  await expect(fetch('http://127.0.0.1:9/r/')).rejects.toThrow('Failed to fetch');
  expect(told).toBe(0);
});

test('a redirect is not followed: the token stays where it was meant for', async () => {
  let reached = false;
  const elsewhere = await serve((_req, res) => {
    reached = true;
    res.end('{}');
  });
  const url = await serve((_req, res) => res.writeHead(302, { location: elsewhere }).end());
  await expect(fetchWith({})(`${url}/r/`)).rejects.toThrow();
  expect(reached).toBe(false);
});

test('a connection that falls silent is ended, before and after its first byte', async () => {
  const mute = await serve(() => undefined);
  await expect(fetchWith({ silence: 50 })(`${mute}/r/_changes`)).rejects.toThrow(SilentConnection);
  const stuck = await serve((_req, res) => res.write('{"results":['));
  await expect(fetchWith({ silence: 50 })(`${stuck}/r/_changes`)).rejects.toThrow(SilentConnection);
});

test('heartbeats keep a longpoll alive well beyond the silence that is allowed', async () => {
  const url = await serve((_req, res) => {
    let beats = 0;
    const timer = setInterval(() => {
      beats += 1;
      if (beats < 20) res.write('\n');
      else {
        clearInterval(timer);
        res.end('{"results":[],"last_seq":"0"}\n');
      }
    }, 20);
  });
  let heard = 0;
  const response = await fetchWith({ silence: 200, onHeard: () => (heard += 1) })(`${url}/r/_changes`);
  expect(await response.json()).toEqual({ results: [], last_seq: '0' });
  expect(heard).toBeGreaterThan(5);
});

test('whoever ends the run ends its requests', async () => {
  const url = await serve(() => undefined);
  const run = new AbortController();
  const waiting = fetchWith({ signal: run.signal })(`${url}/r/_changes`);
  run.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('an exchange is told when it went well, and only then', async () => {
  const url = await serve(answering((req) => (req.url === '/r/_bad' ? json({}, 500) : json({ seen: true }))));
  const told: Exchange[] = [];
  const fetch = fetchWith({ onExchange: (exchange) => told.push(exchange) });
  await fetch(`${url}/r/_bad`);
  await fetch(`${url}/r/_bulk_docs?x=1`, { method: 'POST', body: '{"docs":[]}' });
  expect(told).toEqual([{ path: '/r/_bulk_docs', request: { docs: [] }, answer: { seen: true } }]);
});

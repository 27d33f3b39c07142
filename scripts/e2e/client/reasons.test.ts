/** Every reason of the status, provoked on a real store: by mistakes in its options, and by servers that are not the gate. */
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import express from 'express';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { ConnectionReason, StoreOptions } from '../../../client/index.ts';
import { createLoopbackServers } from '../../../client/testing/loopback-server.ts';
import { createPouchgate } from '../../../server/index.ts';
import { respondWith, startProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createDeviceFixture, waitForPreferences, waitForReason, waitForState } from '../testing/device.ts';
import { listen } from '../frameworks/testing/mounted-gate.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition } from '../testing/test-server.ts';

const devices = createDeviceFixture();
const loopback = createLoopbackServers();
afterAll(loopback.close);

const FEED_DELAY_MS = scaleMs(300);
/** Calls the listener at intervals: the requests of a store have no event. */
const poll = (listener: () => void): (() => void) => {
  const timer = setInterval(listener, 20);
  return () => clearInterval(timer);
};
const timing = { heartbeat: 1_000, silence: scaleMs(1_500), response: scaleMs(1_500) };

/** Opens a store with a mistake, and waits until it reports the reason. */
async function expectReason(
  state: 'offline' | 'sign-in-needed',
  reason: ConnectionReason,
  options: Partial<StoreOptions>,
  username = devices.newUser(),
): Promise<void> {
  const { store } = devices.open(username, createInMemoryBrowser(), { timing, ...options });
  await waitForReason(store, state, reason);
  expect(store.status()).toMatchObject({ reason, reasons: [reason] });
  // Editing does not depend on the server.
  await store.set({ theme: 'dark' });
  expect(store.get().theme).toBe('dark');
}

/** The URL of a database on a server with this listener. */
const databaseAt = async (listener: RequestListener): Promise<string> =>
  `${await loopback.serve(listener)}/sync/user_registry`;
const respond =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (req, res) => {
    req.resume();
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };
const errorBody = (error: string, more: object = {}): string => JSON.stringify({ error, reason: 'No.', ...more });
const PAGE = '<!doctype html><title>Welcome to the hotel</title>';

describe('mistakes in the options, with a real gate', () => {
  test('wrong-url: a path that is not the gate’s', async () => {
    await expectReason('offline', 'wrong-url', { url: `${devices.server.url}/synch/user_registry` });
  });

  test('wrong-database: the name of another database', async () => {
    await expectReason('offline', 'wrong-database', { url: `${devices.server.url}/sync/registry` });
  });

  test('wrong-user: the token of another user', async () => {
    const other = devices.newUser();
    await expectReason('offline', 'wrong-user', { getToken: () => Promise.resolve(devices.server.token(other)) });
  });

  test('wrong-id-prefix: ids with another prefix than the gate’s', async () => {
    const server = await startTestServer({ env: { ID_PREFIX: 'settings_' } });
    const user = devices.newUser();
    const options = { url: server.registryUrl, getToken: () => Promise.resolve(server.token(user)) };
    await expectReason('offline', 'wrong-id-prefix', options, user);
    const { store } = devices.open(user, createInMemoryBrowser(), { ...options, idPrefix: 'settings_' });
    await waitForState(store, 'live');
    await server.close();
  });

  test('network-unreachable: nothing listens at the address', async () => {
    await expectReason('offline', 'network-unreachable', { url: 'http://127.0.0.1:9/sync/user_registry' });
  });

  test('wrong-base: a gate that an application has mounted at another path', async () => {
    const upstream = closeAfterTests(await startTestUpstream());
    const pouchgate = closeAfterTests(
      await createPouchgate({
        couchdb: upstream.access,
        registry: upstream.names.registry,
        base: '/settings',
        authenticate: () => ({ username: 'alice', expiresAt: Date.now() + 3_600_000 }),
        log: { warn: () => undefined, error: () => undefined, info: () => undefined, debug: () => undefined } as never,
      }),
    );
    const url = await listen(createServer(express().use('/prefs', pouchgate.router)));
    await expectReason('offline', 'wrong-base', { url: `${url}/prefs/sync/${upstream.names.registry}` }, 'alice');
  });
});

describe('tokens', () => {
  test('not-signed-in: getToken returns nothing', async () => {
    await expectReason('sign-in-needed', 'not-signed-in', { getToken: () => Promise.resolve(undefined) });
  });

  test('token-unavailable: getToken throws', async () => {
    const getToken = (): never => {
      throw new TypeError('session is undefined');
    };
    await expectReason('offline', 'token-unavailable', { getToken });
  });

  test('token-timeout: getToken never settles', async () => {
    await expectReason('offline', 'token-timeout', { getToken: () => new Promise(() => undefined) });
  });

  test('token-invalid-value: getToken returns the response instead of its token', async () => {
    const getToken = (() => Promise.resolve({ access_token: 'a.b.c' })) as never;
    await expectReason('offline', 'token-invalid-value', { getToken });
  });

  test('token-rejected: a server without codes rejects the token', async () => {
    const url = await databaseAt(respond(401, errorBody('unauthorized')));
    await expectReason('sign-in-needed', 'token-rejected', { url });
  });

  test('token-rejected: a code that is no text does not end the sync for good', async () => {
    let status = 401;
    const url = await databaseAt((req, res) => {
      if (status === 401) respond(401, errorBody('unauthorized', { code: ['token-expired'] }))(req, res);
      else res.writeHead(503).end();
    });
    const { store } = devices.open(devices.newUser(), createInMemoryBrowser(), { timing, url });
    await waitForReason(store, 'sign-in-needed', 'token-rejected');
    status = 503;
    store.retry();
    await waitForReason(store, 'offline', 'server-busy');
  });

  test('session-ended, and all other codes of the server', async () => {
    const url = await databaseAt(respond(401, errorBody('unauthorized', { code: 'session-ended' })));
    await expectReason('sign-in-needed', 'session-ended', { url });
  });
});

describe('servers that are not the gate, or fail', () => {
  test('html-page: an application that responds to every path with its page', async () => {
    const app = express().use((_req, res) => res.type('html').send(PAGE));
    await expectReason('offline', 'html-page', { url: `${await listen(createServer(app))}/sync/user_registry` });
  });

  test('html-page: a captive portal', async () => {
    await expectReason('offline', 'html-page', { url: await databaseAt(respond(511, PAGE)) });
  });

  test('wrong-url: a server of static files, which responds to a POST with 404', async () => {
    const app = express().use(express.static(import.meta.dirname));
    await expectReason('offline', 'wrong-url', { url: `${await listen(createServer(app))}/sync/user_registry` });
  });

  test('redirected: a sign-in page in front of the gate', async () => {
    const url = await databaseAt(respond(302, '', { location: '/sign-in' }));
    await expectReason('offline', 'redirected', { url });
  });

  test('invalid-response: another JSON API', async () => {
    await expectReason('offline', 'invalid-response', { url: await databaseAt(respond(200, '{"ok":true}')) });
  });

  test('request-rejected: a firewall', async () => {
    await expectReason('offline', 'request-rejected', { url: await databaseAt(respond(403, errorBody('blocked'))) });
  });

  test('server-busy', async () => {
    await expectReason('offline', 'server-busy', { url: await databaseAt(respond(503, errorBody('unavailable'))) });
  });

  test('response-timeout: a server that accepts requests without responding', async () => {
    await expectReason('offline', 'response-timeout', { url: await databaseAt(() => undefined) });
  });

  test('server-error: the database behind the gate fails', async () => {
    const proxied = closeAfterTests(await startProxiedGate());
    const { proxy, gate } = proxied;
    proxy.fault = respondWith(500, errorBody('internal_server_error'))();
    const user = devices.newUser();
    const options = { url: gate.database, getToken: () => Promise.resolve(gate.token(user)) };
    await expectReason('offline', 'server-error', options, user);
    await proxied.close();
  });
});

test('database-failed: the local database is replaced, and the store is live again', async () => {
  const user = devices.newUser();
  const browser = createInMemoryBrowser();
  const { store } = devices.open(user, browser);
  await waitForState(store, 'live', 0);
  const reasons = new Set<string>();
  store.subscribe(() => store.status().reasons.forEach((reason) => reasons.add(reason)));
  await browser(`pouchgate_${user}`).destroy();
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  expect([...reasons]).toEqual(['database-failed']);
  expect(store.status().reasons).toEqual([]);
});

test('with another user’s token no edit is lost or sent, and all are sent with the right one', async () => {
  const [user, other] = [devices.newUser(), devices.newUser()];
  let tokenUser = user;
  const bodies: string[] = [];
  /** The attempts with the other token. Each ends at its first read of the feed or the document, which is another user's. */
  let attempts = 0;
  const browser = createInMemoryBrowser();
  const { store } = devices.open(user, browser, {
    timing,
    getToken: () => Promise.resolve(devices.server.token(tokenUser)),
    environment: {
      // The feed is slow, as with a database under load, so that an edit would be sent before its response.
      fetch: async (input, init) => {
        if (tokenUser === user) return fetch(input, init);
        if (typeof init?.body === 'string') bodies.push(init.body);
        const { pathname } = new URL(input as string);
        if (pathname.endsWith('/_changes') || pathname.endsWith(`/user_${user}`)) attempts += 1;
        if (pathname.endsWith('/_changes')) await setTimeout(FEED_DELAY_MS);
        return fetch(input, init);
      },
    },
  });
  const refused: unknown[] = [];
  store.on('refused', (edit) => refused.push(edit));
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);

  tokenUser = other;
  // The other device's edit completes the open longpoll, so that the next request has the other token.
  const second = devices.open(user).store;
  await waitForState(second, 'live');
  await second.set({ viewMode: 'graph' });
  await waitForReason(store, 'offline', 'wrong-user');
  await store.set({ recapTime: '20:15' });
  await waitForState(store, 'offline', 1);
  const before = attempts;
  store.retry();
  // The second one shows that the first attempt with the edit has ended.
  await waitForCondition(poll, () => attempts >= before + 2);
  expect((await store.inspect()).leaves).not.toEqual([]);
  expect(store.get()).toMatchObject({ theme: 'dark', recapTime: '20:15' });

  tokenUser = user;
  store.retry();
  await waitForState(store, 'live', 0);
  await waitForPreferences(second, { theme: 'dark', viewMode: 'graph', recapTime: '20:15' });
  expect(refused).toEqual([]);
  expect(bodies.filter((body) => body.includes('20:15'))).toEqual([]);
  expect(store.status().reasons).toEqual([]);
});

test('a firewall that rejects the reads of a repair discards no edit', async () => {
  const user = devices.newUser();
  let isDenied = false;
  /** The reads of the document since the denial. The first one fills the local database, the next begins to send the edit. */
  let reads = 0;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    timing,
    environment: {
      fetch: async (input, init) => {
        const path = new URL(input as string).pathname;
        if (path.endsWith('/_bulk_docs') && !isDenied) {
          isDenied = true;
          const { docs } = JSON.parse(init?.body as string) as { docs: { _id: string; _rev: string }[] };
          return Response.json(docs.map(({ _id: id, _rev: rev }) => ({ id, rev, error: 'forbidden', reason: 'No.' })));
        }
        if (isDenied && path.endsWith(`/user_${user}`) && init?.method !== 'PUT' && (reads += 1) === 2) {
          return Response.json({ error: 'blocked', reason: 'No.' }, { status: 403 });
        }
        return fetch(input, init);
      },
    },
  });
  const discarded = new Promise<string>((resolve) =>
    store.on('refused', ({ reason }) => resolve(`discarded: ${reason}`)),
  );
  await waitForState(store, 'live', 0);
  await store.set({ theme: 'dark' });
  const received = waitForPreferences(devices.open(user).store, { theme: 'dark' }).then(() => 'received');
  expect(await Promise.race([received, discarded])).toBe('received');
  expect(reads).toBeGreaterThanOrEqual(2);
  expect(store.get().theme).toBe('dark');
});

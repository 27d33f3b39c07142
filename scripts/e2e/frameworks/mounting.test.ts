import { once } from 'node:events';
import http, {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import fastifyExpress from '@fastify/express';
import middie from '@fastify/middie';
import { createAdaptorServer } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import compression from 'compression';
import express from 'express';
import express4 from 'express4';
import Fastify, { type FastifyInstance } from 'fastify';
import { Hono } from 'hono';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createPouchgate, type MountedPouchgate } from '../../../server/index.ts';
import { startSseClient } from '../../../server/testing/sse-client.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { exerciseGate, newRegistryName, patchPreferences, type ExercisedGate } from './testing/exercise-gate.ts';

/** The gate in frameworks that handle, replace or override parts of the request and the response. */

type HonoBindings = { Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } };

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startTestUpstream();
});

let users = 0;
/** Creates a gate. The bearer token is the username. */
async function createGate(base = '/prefs'): Promise<{ pouchgate: MountedPouchgate; gate: Omit<ExercisedGate, 'url'> }> {
  const registry = newRegistryName();
  const username = `user${(users += 1)}`;
  const pouchgate = await createPouchgate({
    couchdb: upstream.access,
    registry,
    base,
    authenticate: (req) => {
      const name = req.get('authorization')?.replace('Bearer ', '');
      return name === undefined ? undefined : { username: name, expiresAt: Date.now() + 3_600_000 };
    },
  });
  closeAfterTests(pouchgate);
  return { pouchgate, gate: { registry, username, token: username } };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAfterTests({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function listenFastify(app: FastifyInstance): Promise<string> {
  await app.ready();
  return listen(app.server);
}

const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);
beforeEach(() => {
  uncaught.length = 0;
  process.on('unhandledRejection', onUncaught);
  process.on('uncaughtException', onUncaught);
});
afterEach(() => {
  process.off('unhandledRejection', onUncaught);
  process.off('uncaughtException', onUncaught);
  expect(uncaught).toEqual([]);
});

type Mounted = readonly [name: string, mount: (pouchgate: MountedPouchgate) => Promise<string>];

const MOUNTS: readonly Mounted[] = [
  ['the router in Express 5', ({ router }) => listen(createServer(express().use('/prefs', router)))],
  [
    'the listener in Express 5, at the mount path',
    ({ listener }) => listen(createServer(express().use('/prefs', listener))),
  ],
  ['the router in Express 4', ({ router }) => listen(createServer(express4().use('/prefs', router as never)))],
  [
    'the router behind compression()',
    ({ router }) =>
      listen(
        createServer(
          express()
            .use(compression({ threshold: 0 }))
            .use('/prefs', router),
        ),
      ),
  ],
  [
    'the router in @fastify/express, which overrides headersSent',
    async ({ router }) => {
      const app = Fastify();
      await app.register(fastifyExpress);
      app.use('/prefs', router);
      return listenFastify(app);
    },
  ],
  [
    'the router in @fastify/middie',
    async ({ router }) => {
      const app = Fastify();
      await app.register(middie);
      app.use('/prefs', router as never);
      return listenFastify(app);
    },
  ],
  [
    'the listener in @fastify/middie',
    async ({ listener }) => {
      const app = Fastify();
      await app.register(middie);
      app.use(listener as never);
      return listenFastify(app);
    },
  ],
  [
    'the listener in a route of Fastify that leaves the body unread',
    async ({ listener }) => {
      const app = Fastify();
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', (_request, _payload, done) => done(null));
      app.all('/prefs/*', (request, reply) => {
        reply.hijack();
        listener(request.raw, reply.raw);
      });
      return listenFastify(app);
    },
  ],
  [
    'the listener in front of Hono',
    ({ listener }) => {
      const hono = createAdaptorServer({ fetch: new Hono().fetch }) as Server;
      const [handle] = hono.listeners('request') as RequestListener[];
      return listen(createServer((req, res) => listener(req, res, () => handle?.(req, res))));
    },
  ],
  [
    'the listener in a framework that sets the status 404 first, as Koa does',
    ({ listener }) =>
      listen(
        createServer((req, res) => {
          res.statusCode = 404;
          listener(req, res);
        }),
      ),
  ],
];

test.each(MOUNTS)('%s: live sync, the event stream, edits, the end of access, and close', async (_, mount) => {
  const { pouchgate, gate } = await createGate();
  const url = `${await mount(pouchgate)}/prefs`;
  const { stream, peers } = await exerciseGate({ ...gate, url });
  const ended = stream.waitForEnd();
  pouchgate.endUser(gate.username);
  await ended;
  for (const peer of peers) await peer.close();
  await pouchgate.close();
  expect((await patchPreferences({ ...gate, url }, { theme: 'dark' })).status).toBe(503);
});

test('the listener serves its base only, and passes other paths on', async () => {
  const { pouchgate, gate } = await createGate('/a:b(c)/prefs');
  const headers = { authorization: `Bearer ${gate.token}` };
  const alone = await listen(createServer(pouchgate.listener));
  const withNext = await listen(
    createServer((req, res) => pouchgate.listener(req, res, () => res.end(`not served: ${req.url ?? ''}`))),
  );
  for (const path of [
    '/',
    '/a:b(c)/prefs',
    '/a:b(c)/prefs/',
    '/a:b(c)/prefs/synchronous',
    '/sync/',
    '/a:b(c)/Prefs/sync/',
  ]) {
    const response = await fetch(alone + path, { headers });
    expect([response.status, await response.json()]).toEqual([404, { error: 'not_found', reason: 'missing' }]);
    expect(await (await fetch(withNext + path, { headers })).text()).toBe(`not served: ${path}`);
  }
  for (const url of [alone, withNext]) {
    expect(await (await fetch(`${url}/a:b(c)/prefs/sync/`)).json()).toMatchObject({ couchdb: 'Welcome' });
    const profile = await fetch(`${url}/a:b(c)/prefs/api/users/profile?x=1`, { headers });
    expect(await profile.json()).toMatchObject({ username: gate.username });
    expect((await fetch(`${url}/a:b(c)/prefs/api/users/nothing`, { headers })).status).toBe(404);
  }
});

test('without a base the listener leaves the application’s own paths to it, also after close', async () => {
  const { pouchgate } = await createGate('');
  const url = await listen(createServer((req, res) => pouchgate.listener(req, res, () => res.end('own'))));
  expect(await (await fetch(`${url}/sync/`)).json()).toMatchObject({ couchdb: 'Welcome' });
  expect(await (await fetch(`${url}/own`)).text()).toBe('own');
  await pouchgate.close();
  expect((await fetch(`${url}/sync/`)).status).toBe(503);
  expect(await (await fetch(`${url}/own`)).text()).toBe('own');
});

test('Fastify’s inject reaches the gate', async () => {
  const { pouchgate, gate } = await createGate();
  const app = Fastify();
  app.addHook('onRequest', (request, reply, done) => pouchgate.listener(request.raw, reply.raw, done));
  const response = await app.inject({
    method: 'PATCH',
    url: '/prefs/api/users/preferences',
    headers: { authorization: `Bearer ${gate.token}`, 'content-type': 'application/json' },
    payload: { theme: 'dark' },
  });
  expect([response.statusCode, response.json()]).toMatchObject([200, { preferences: { theme: 'dark' } }]);
  expect((await app.inject('/elsewhere')).statusCode).toBe(404);
});

describe('a body that the framework has read', () => {
  const readsBody: readonly Mounted[] = [
    [
      'Fastify',
      ({ listener }) => {
        const app = Fastify();
        app.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, (_request, _body, done) =>
          done(null, {}),
        );
        app.all('/prefs/*', (request, reply) => {
          reply.hijack();
          listener(request.raw, reply.raw);
        });
        return listenFastify(app);
      },
    ],
    [
      'Hono',
      ({ listener }) => {
        const app = new Hono<HonoBindings>();
        app.all('/prefs/*', async (c) => {
          await c.req.text();
          listener(c.env.incoming, c.env.outgoing);
          return RESPONSE_ALREADY_SENT;
        });
        return listen(createAdaptorServer({ fetch: app.fetch }) as Server);
      },
    ],
  ];
  test.each(readsBody)('%s: every interface answers what to do', async (_, mount) => {
    const { pouchgate, gate } = await createGate();
    const url = `${await mount(pouchgate)}/prefs`;
    const headers = { authorization: `Bearer ${gate.token}`, 'content-type': 'application/json' };
    const requests = [
      patchPreferences({ ...gate, url }, { theme: 'dark' }),
      fetch(`${url}/sync/${gate.registry}/_bulk_get`, { method: 'POST', headers, body: '{"docs":[]}' }),
      fetch(`${url}/sync/${gate.registry}/_changes`, { method: 'POST', headers, body: '{"doc_ids":[]}' }),
    ];
    for (const response of await Promise.all(requests)) {
      const body = JSON.stringify(await response.json());
      expect([response.status, body]).toEqual([500, expect.stringContaining('body_was_read')]);
      expect(body).toContain('Mount Pouchgate before any body parser');
    }
  });
});

describe('a response whose methods throw', () => {
  const MEMBERS = ['writeHead', 'setHeader', 'write', 'end', 'flushHeaders', 'destroy'];
  const PATHS = [
    '/sync/REGISTRY/',
    '/sync/REGISTRY/_changes?feed=longpoll',
    '/api/users/preferences/stream',
    '/sync/x',
  ];
  test.each(MEMBERS)('%s: its connection is closed, and others are served', async (member) => {
    const { pouchgate, gate } = await createGate();
    const headers = { authorization: `Bearer ${gate.token}` };
    const url = await listen(
      createServer((req, res) => {
        if (req.headers['x-break'] === 'yes') {
          Object.defineProperty(res, member, {
            value: () => {
              throw new Error(`${member} is broken`);
            },
          });
        }
        pouchgate.listener(req, res);
      }),
    );
    for (const path of PATHS.map((each) => `${url}/prefs${each.replace('REGISTRY', gate.registry)}`)) {
      const request = http.get(path, { headers: { ...headers, 'x-break': 'yes' }, agent: false });
      request.on('response', (response) => response.on('error', () => undefined).resume());
      request.on('error', () => undefined);
      const closed = new Promise((resolve) => request.once('close', resolve));
      const healthy = await fetch(`${url}/prefs/api/users/profile`, { headers });
      expect(healthy.status).toBe(200);
      // A stream that does not call the method stays open.
      if (path.includes('stream')) request.destroy();
      await closed;
    }
    await pouchgate.close();
  });

  test('a response that the application has answered meanwhile is left to it', async () => {
    const { pouchgate, gate } = await createGate();
    const headers = { authorization: `Bearer ${gate.token}` };
    const url = await listen(
      createServer((req, res) => {
        pouchgate.listener(req, res);
        if (req.headers['x-answered'] === 'yes') res.writeHead(504).end('a timeout of the application');
      }),
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of [
      '/prefs/sync/x/_changes?feed=longpoll',
      '/prefs/api/users/profile',
      '/prefs/api/users/preferences/stream',
    ]) {
      const request = http.get(url + path, { agent, headers: { ...headers, 'x-answered': 'yes' } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
      expect([response.statusCode, text]).toEqual([504, 'a timeout of the application']);
    }
    agent.destroy();
    const healthy = await fetch(`${url}/prefs/api/users/profile`, { headers });
    expect(healthy.status).toBe(200);
  });
});

describe('every live response asks not to be buffered', () => {
  const LIVE_HEADERS = {
    'cache-control': 'no-store, no-transform',
    'content-encoding': 'identity',
    'x-accel-buffering': 'no',
  };
  const paths = [
    ...['longpoll', 'continuous', 'eventsource'].flatMap((feed) => [
      // One with a pending change, which a longpoll answers at once, and one without.
      `/sync/REGISTRY/_changes?feed=${feed}&since=0`,
      `/sync/REGISTRY/_changes?feed=${feed}&since=now&timeout=1000`,
    ]),
    '/api/users/preferences/stream',
  ];
  test.each(paths)('%s, behind compression() as well', async (path) => {
    const { pouchgate, gate } = await createGate();
    const app = express()
      .use(compression({ threshold: 0 }))
      .use('/prefs', pouchgate.router);
    const url = `${await listen(createServer(app))}/prefs`;
    const headers = { authorization: `Bearer ${gate.token}`, 'accept-encoding': 'gzip' };
    const request = http.get(url + path.replace('REGISTRY', gate.registry), { headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.headers).toMatchObject(LIVE_HEADERS);
    request.destroy();
  });
});

test('a stream behind compression() delivers the first event before the response ends', async () => {
  const { pouchgate, gate } = await createGate();
  const app = express()
    .use(compression({ threshold: 0 }))
    .use('/prefs', pouchgate.router);
  const url = `${await listen(createServer(app))}/prefs`;
  const headers = { authorization: `Bearer ${gate.token}`, 'accept-encoding': 'gzip, br' };
  const stream = startSseClient({ url, headers });
  await stream.waitForEvent(({ name }) => name === 'preference-update');
  await patchPreferences({ ...gate, url }, { theme: 'dark' });
  await stream.waitForEvent(({ data }) => JSON.stringify(data).includes('"theme":"dark"'));
  expect(stream.isOpen).toBe(true);
});

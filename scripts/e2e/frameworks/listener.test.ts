import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { patchPreferences } from './testing/exercise-gate.ts';
import { listen, listenFastify, setUpGates, type Mount } from './testing/mounted-gate.ts';

/** Which requests the listener serves, and what it requires of them. */

type HonoBindings = { Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } };
const createGate = setUpGates();

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

test('without a base the listener passes on the application’s own paths, also after close', async () => {
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
  const readsBody: readonly (readonly [name: string, Mount])[] = [
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
  test.each(readsBody)('%s: every interface responds with how to correct it', async (_, mount) => {
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

import { createServer, type RequestListener } from 'node:http';
import express from 'express';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createPouchgate, type MountedPouchgate } from '../../../server/index.ts';
import { respondWith, startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { createRecordedLog } from '../../../server/testing/recorded-log.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { listen } from './testing/mounted-gate.ts';

/** The ids and the log of a gate that is mounted in an application. */

const recorded = createRecordedLog('info');
let proxy: FaultyProxy;
let pouchgate: MountedPouchgate;
let registry: string;
beforeAll(async () => {
  const upstream = await startTestUpstream();
  ({ registry } = upstream.names);
  proxy = await startFaultyProxy(upstream);
  pouchgate = closeAfterTests(
    await createPouchgate({
      couchdb: proxy.access,
      registry,
      sessions: upstream.names.sessions,
      log: recorded.log,
      authenticate: (req) => ({ username: req.get('x-user') ?? 'ida', expiresAt: Date.now() + 3_600_000 }),
    }),
  );
});
afterEach(() => {
  proxy.fault = undefined;
});

const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));

const idOf = async (url: string, headers: Record<string, string> = {}): Promise<string | null> =>
  (await fetch(url, { headers })).headers.get('x-request-id');

test('an id that the application has set is kept, in a response header and as req.id', async () => {
  const app = express();
  app.use('/header', (_req, res, next) => {
    res.setHeader('X-Request-Id', 'of the application');
    next();
  });
  app.use('/property', (req, _res, next) => {
    Object.assign(req, { id: 'req-7' });
    next();
  });
  app.use(['/header', '/property', '/none'], pouchgate.router);
  const origin = await serve(app);
  const headers = { 'x-request-id': 'of-the-client' };
  expect(await idOf(`${origin}/header/sync/`, headers)).toBe('of the application');
  expect(await idOf(`${origin}/property/sync/`, headers)).toBe('req-7');
  expect(await idOf(`${origin}/none/sync/`, headers)).toBe('of-the-client');
  expect(await idOf(`${origin}/none/sync/`)).toMatch(/^[0-9a-f-]{36}$/);
  expect(await idOf(`${origin}/none/api/users/nothing`)).toMatch(/^[0-9a-f-]{36}$/);
});

test('every response of the listener has an id', async () => {
  const origin = await serve(pouchgate.listener);
  for (const path of ['/sync/', '/api/users/profile', '/api/users/nothing', '/nothing'])
    expect([path, await idOf(origin + path)]).toEqual([path, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
});

test('the application’s log has the failures of CouchDB with their reason, and no other requests', async () => {
  const app = express();
  app.use('/prefs', pouchgate.router);
  const url = `${await serve(app)}/prefs`;
  expect((await fetch(`${url}/sync/${registry}/user_ida`)).status).toBe(200);
  expect((await fetch(`${url}/sync/${registry}/user_bob`)).status).toBe(404);
  proxy.fault = respondWith(
    403,
    '{"error":"forbidden","reason":"No."}',
  )(({ url: path = '' }) => path.includes('/user_ida'));
  const requestId = (await fetch(`${url}/sync/${registry}/user_ida`)).headers.get('x-request-id');
  expect(await recorded.waitForLine({ requestId })).toEqual({
    level: 40,
    requestId,
    method: 'GET',
    route: 'gate document',
    status: 502,
    ms: expect.any(Number) as number,
    username: 'ida',
    reason: 'bad_gateway',
    upstreamStatus: 403,
    upstreamReason: 'forbidden: No.',
    msg: 'The database or the identity provider failed a request, or the server is overloaded.',
  });
  expect(recorded.lines.filter(({ route }) => route !== undefined)).toHaveLength(1);
});

test('an id that the application copies from its client unchecked is neither logged nor sent to the database', async () => {
  const app = express();
  app.use((req, res, next) => {
    res.setHeader('X-Request-Id', req.get('x-request-id') ?? '');
    next();
  });
  app.use(pouchgate.router);
  const origin = await serve(app);
  const sent: unknown[] = [];
  proxy.fault = respondWith(
    403,
    '{"error":"forbidden","reason":"No."}',
  )(({ url = '', headers }) => {
    if (!url.includes('/user_ida')) return false;
    sent.push(headers['x-request-id']);
    return true;
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  for (const id of ['forged\u009b2J', `forged${'x'.repeat(4_000)}`]) {
    const headers = { 'x-request-id': id, traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    expect((await fetch(`${origin}/sync/${registry}/user_ida`, { headers })).status).toBe(502);
  }
  await recorded.waitForLine({ traceId });
  expect(sent).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  expect(recorded.text).not.toContain('forged');
});

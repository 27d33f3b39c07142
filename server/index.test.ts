import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import { z } from 'zod';
import { createPouchgate, type Authenticated, type MountedPouchgate } from './index.ts';
import { startSseClient } from './testing/sse-client.ts';
import { eventually } from './testing/fake-couchdb.ts';
import { startTestCouchdb, startTestPouchgate, type TestCouchdb } from './testing-api.ts';

/** Pouchgate in an application that has sessions of its own: a header that names one stands for them here. */

let couchdb: TestCouchdb;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  couchdb = await startTestCouchdb();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => couchdb.close());

const sessions = new Map<string, Authenticated>();
let users = 0;
/** A session in the application. */
const signIn = (
  username = `library${(users += 1)}`,
  expiresAt: Authenticated['expiresAt'] = Date.now() + 3_600_000,
) => {
  const session = `session-${sessions.size}`;
  sessions.set(session, { username, expiresAt });
  return { username, session, headers: { authorization: session } };
};
const authenticate = (req: Request): Authenticated | undefined => sessions.get(req.headers.authorization ?? '');

async function serve(pouchgate: MountedPouchgate<object>, mountAt: string, before?: express.RequestHandler) {
  const app = express();
  if (before !== undefined) app.use(before);
  app.use(mountAt, pouchgate.router);
  app.get('/own', (_req, res) => void res.send('the application’s'));
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    await pouchgate.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return { origin, url: origin + (mountAt === '/' ? '' : mountAt) };
}

const registry = (): string => `registry_${users}_${sessions.size}`;
const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional(), volume: z.int().max(11).optional() });

test('it is mounted where the application wants it, and knows people as the application does', async () => {
  const pouchgate = await createPouchgate({
    couchdb: couchdb.access,
    authenticate,
    base: '/prefs',
    registry: registry(),
  });
  const { origin, url } = await serve(pouchgate, '/prefs');
  const alice = signIn();
  const profile: unknown = await (await fetch(`${url}/api/users/profile`, { headers: alice.headers })).json();
  expect(profile).toMatchObject({ username: alice.username, session: null, preferences: { theme: 'system' } });
  expect((await fetch(`${url}/api/users/profile`)).status).toBe(401);
  expect(await (await fetch(`${url}/sync/`)).json()).toMatchObject({ couchdb: 'Welcome' });
  expect(await (await fetch(`${origin}/own`)).text()).toBe('the application’s');
  expect((await fetch(`${origin}/sync/`)).status).toBe(404);
  const odd = signIn('Not A Username');
  expect((await fetch(`${url}/api/users/profile`, { headers: odd.headers })).status).toBe(403);
  const late = signIn(undefined, new Date(0));
  expect((await fetch(`${url}/api/users/profile`, { headers: late.headers })).status).toBe(401);
});

test('its own preferences are those of the gate, of REST, of streams and of the application itself', async () => {
  const name = registry();
  const preferences = { schema, defaults: { density: 'cosy' } } as const;
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name, preferences });
  const { url } = await serve(pouchgate, '/');
  const { username, headers } = signIn();
  expect((await pouchgate.read(username)).preferences).toEqual({ density: 'cosy' });
  const stream = startSseClient({ url, headers });
  closing.push(() => {
    stream.close();
  });
  const after = await pouchgate.edit(username, { volume: 7 });
  expect(after).toMatchObject({
    preferences: { density: 'cosy', volume: 7 },
    edits: { volume: { by: 'application' } },
  });
  await stream.waitForEvent(({ data }) => JSON.stringify(data).includes('"volume":7'));
  await expect(pouchgate.edit(username, { volume: 12 })).rejects.toThrow();

  const patch = (body: object): Promise<Response> =>
    fetch(`${url}/api/users/preferences`, {
      method: 'PATCH',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect((await patch({ density: 'compact' })).status).toBe(200);
  expect((await patch({ theme: 'dark' })).status).toBe(422);

  const database = `${url}/sync/${name}`;
  const document = (await (await fetch(`${database}/user_${username}`, { headers })).json()) as { preferences: object };
  expect(document.preferences).toEqual({ density: 'compact', volume: 7 });
  const put = (changed: object): Promise<Response> =>
    fetch(`${database}/user_${username}`, {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ ...document, preferences: changed }),
    });
  expect((await put({ theme: 'dark' })).status).toBe(403);
  expect((await put({ volume: 3 })).status).toBe(201);
  expect((await pouchgate.read(username)).preferences).toEqual({ density: 'cosy', volume: 3 });
});

test('one user never reaches another’s document', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/');
  const [alice, bob] = [signIn(), signIn()];
  await pouchgate.edit(alice.username, { selectedTags: ['hers'] });
  const answers = await Promise.all(
    [`user_${alice.username}`, `user_nobody`, '_all_docs', '_changes?include_docs=true'].map(async (path) =>
      (await fetch(`${url}/sync/${name}/${path}`, { headers: bob.headers })).text(),
    ),
  );
  expect(answers.join()).not.toContain('hers');
  expect(answers[0]).toBe(answers[1]);
});

test('live requests end when the application says so, and with the right that it told', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/');
  const [alice, bob] = [signIn(), signIn(undefined, Date.now() + 2_500)];
  const open = ({ headers }: typeof alice) => startSseClient({ url, headers });
  const [hers, his] = [open(alice), open(bob)];
  closing.push(() => {
    for (const client of [hers, his]) client.close();
  });
  await Promise.all(
    [hers, his].map((stream) => stream.waitForEvent(({ name: event }) => event === 'preference-update')),
  );
  const ended = hers.waitForEnd();
  sessions.delete(alice.session);
  pouchgate.endUser(alice.username);
  await ended;
  expect(his.isOpen).toBe(true);
  await his.waitForEnd();
});

test('it can be closed under clients that come back at once', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const app = express();
  app.use(pouchgate.router);
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { headers } = signIn();
  const backoff = (): Promise<void> => Promise.resolve();
  const streams = [1, 2, 3].map(() => startSseClient({ url: `http://127.0.0.1:${port}`, headers, backoff }));
  await Promise.all(streams.map((stream) => stream.waitForEvent(({ name: event }) => event === 'preference-update')));
  await pouchgate.close();
  // Whoever has come back meanwhile was told that there is nobody.
  await eventually(() => streams.every(({ statuses }) => statuses.at(-1) === 503));
  for (const stream of streams) stream.close();
  server.close();
  server.closeAllConnections();
});

test('a body that the application’s own parser took is told for what it is', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/', express.json());
  const { headers } = signIn();
  const response = await fetch(`${url}/sync/${name}/_bulk_get`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"docs":[]}',
  });
  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({ error: 'body_was_read', reason: 'Mount Pouchgate before any body parser.' });
});

test('what cannot be is told at once', async () => {
  await expect(createPouchgate({ couchdb: couchdb.access, authenticate, base: 'prefs' })).rejects.toThrow('base');
  const wrong = { ...couchdb.access, password: 'not this one' };
  await expect(createPouchgate({ couchdb: wrong, authenticate })).rejects.toThrow('refuses our user name or password');
});

test('a whole server for tests is one call, and leaves nothing behind', async () => {
  const gate = await startTestPouchgate();
  const headers = { authorization: `Bearer ${gate.token('alice')}` };
  expect(await (await fetch(gate.database, { headers })).json()).toMatchObject({ db_name: 'user_registry' });
  await gate.close();
  await expect(fetch(gate.url)).rejects.toThrow();
});

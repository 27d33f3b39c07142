import express, { type Request } from 'express';
import { z } from 'zod';
import { createPouchgate, type Authenticated, type MountedPouchgate } from './index.ts';
import { serveMounted } from './testing/serve-mounted.ts';
import { startSseClient } from './testing/sse-client.ts';
import { eventually } from './testing/fake-couchdb.ts';
import { startTestCouchdb, startTestPouchgate, type TestCouchdb } from './testing-api.ts';

/** Pouchgate in an application with its own sessions. The `Authorization` header contains the session's name. */

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
/** Creates a session of the application. */
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
  const server = await serveMounted(app, pouchgate);
  closing.push(() => server.close());
  const { origin } = server;
  return { origin, url: origin + (mountAt === '/' ? '' : mountAt) };
}

const registry = (): string => `registry_${users}_${sessions.size}`;
const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional(), volume: z.int().max(11).optional() });

test('serves the path it is mounted at, and the users that the application authenticates', async () => {
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
  const anonymous = await fetch(`${url}/api/users/profile`);
  expect([anonymous.status, await anonymous.json()]).toMatchObject([401, { code: 'token-missing' }]);
  expect(await (await fetch(`${url}/sync/`)).json()).toMatchObject({ couchdb: 'Welcome' });
  expect(await (await fetch(`${origin}/own`)).text()).toBe('the application’s');
  expect((await fetch(`${origin}/sync/`)).status).toBe(404);
  const expired = await fetch(`${url}/api/users/profile`, { headers: signIn(undefined, new Date(0)).headers });
  expect([expired.status, await expired.json()]).toMatchObject([401, { code: 'token-expired' }]);
});

test('a user may have any subject as a name, in each of the application’s calls', async () => {
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: registry() });
  const { url } = await serve(pouchgate, '/');
  const [ada, other] = [signIn('auth0|Ada'), signIn('auth0|ada')];
  const read = async ({ headers }: typeof ada): Promise<unknown> =>
    (await fetch(`${url}/api/users/profile`, { headers })).json();
  await pouchgate.edit('auth0|Ada', { theme: 'dark' });
  expect((await pouchgate.read('auth0|Ada')).preferences.theme).toBe('dark');
  expect(await read(ada)).toMatchObject({ username: 'auth0|Ada', preferences: { theme: 'dark' } });
  expect(await read(other)).toMatchObject({ username: 'auth0|ada', preferences: { theme: 'system' } });
  await expect(pouchgate.read('')).rejects.toMatchObject({ status: 403 });

  const [adaStream, otherStream] = [ada, other].map(({ headers }) => startSseClient({ url, headers }));
  if (adaStream === undefined || otherStream === undefined) throw new Error('no stream');
  closing.push(() => {
    adaStream.close();
    otherStream.close();
  });
  const isUpdate = ({ name }: { name: string }): boolean => name === 'preference-update';
  await Promise.all([adaStream.waitForEvent(isUpdate), otherStream.waitForEvent(isUpdate)]);
  const ended = adaStream.waitForEnd();
  sessions.delete(ada.session);
  pouchgate.endUser('auth0|Ada');
  await ended;
  expect(otherStream.isOpen).toBe(true);
});

test('serves the application’s own preferences by replication, REST, streams and its API', async () => {
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

test('a user cannot read another user’s document', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/');
  const [alice, bob] = [signIn(), signIn()];
  await pouchgate.edit(alice.username, { selectedTags: ['private tag'] });
  const bodies = await Promise.all(
    [`user_${alice.username}`, `user_unknown`, '_all_docs', '_changes?include_docs=true'].map(async (path) =>
      (await fetch(`${url}/sync/${name}/${path}`, { headers: bob.headers })).text(),
    ),
  );
  expect(bodies.join()).not.toContain('private tag');
  expect(bodies[0]).toBe(bodies[1]);
});

test('live requests end on endUser and at the session’s expiresAt', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/');
  const [alice, bob] = [signIn(), signIn(undefined, Date.now() + 2_500)];
  const open = ({ headers }: typeof alice) => startSseClient({ url, headers });
  const [aliceStream, bobStream] = [open(alice), open(bob)];
  closing.push(() => {
    for (const client of [aliceStream, bobStream]) client.close();
  });
  await Promise.all(
    [aliceStream, bobStream].map((stream) => stream.waitForEvent(({ name: event }) => event === 'preference-update')),
  );
  const ended = aliceStream.waitForEnd();
  sessions.delete(alice.session);
  pouchgate.endUser(alice.username);
  await ended;
  expect(bobStream.isOpen).toBe(true);
  await bobStream.waitForEnd();
});

test('closes while clients reconnect immediately', async () => {
  const name = registry();
  const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate, registry: name });
  const { url } = await serve(pouchgate, '/');
  const { headers } = signIn();
  const backoff = (): Promise<void> => Promise.resolve();
  const streams = [1, 2, 3].map(() => startSseClient({ url, headers, backoff }));
  await Promise.all(streams.map((stream) => stream.waitForEvent(({ name: event }) => event === 'preference-update')));
  await pouchgate.close();
  // Clients that reconnected during `close` received 503.
  await eventually(() => streams.every(({ statuses }) => statuses.at(-1) === 503));
  for (const stream of streams) stream.close();
});

test('a body consumed by the application’s own parser is reported as such', async () => {
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
  expect(await response.json()).toEqual({
    error: 'body_was_read',
    reason: expect.stringContaining('Mount Pouchgate before any body parser.') as string,
  });
});

test('rejects an invalid base and wrong credentials', async () => {
  await expect(createPouchgate({ couchdb: couchdb.access, authenticate, base: 'prefs' })).rejects.toThrow('base');
  const wrong = { ...couchdb.access, password: 'not this one' };
  await expect(createPouchgate({ couchdb: wrong, authenticate })).rejects.toThrow(
    'rejects the configured user name or password',
  );
});

test('startTestPouchgate starts a server, and close stops it', async () => {
  const gate = await startTestPouchgate();
  const headers = { authorization: `Bearer ${gate.token('alice')}` };
  expect(await (await fetch(gate.database, { headers })).json()).toMatchObject({ db_name: 'user_registry' });
  await gate.close();
  await expect(fetch(gate.url)).rejects.toThrow();
});

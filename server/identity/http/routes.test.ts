import jwt from 'jsonwebtoken';
import { connect } from '../../upstream/client.ts';
import { startIdentityServer, testConfig } from '../../testing/test-identity.ts';
import { setUpAuthServer, PASSWORD, bearer, listOf, sessionOf, withCookie } from './testing/auth-server.ts';

const { upstream, server, registered, request, post, newName, register, signIn } = setUpAuthServer();

test('registering signs in, provisions a document, and sets a cookie that scripts and other sites cannot read', async () => {
  const username = newName();
  const response = await register(username);
  expect(response.status).toBe(201);
  const session = sessionOf(response);
  expect(session).toEqual({
    username,
    accessToken: expect.any(String) as string,
    expiresAt: expect.stringMatching(/Z$/) as string,
    sessionId: expect.any(String) as string,
  });
  expect(registered).toContain(username);
  expect(response.setCookie).toMatch(/; Path=\/api; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
  expect(JSON.stringify(response.body)).not.toContain(response.cookie);
  expect(jwt.decode(session.accessToken)).toMatchObject({ sub: username, sid: session.sessionId });
  expect(listOf(await request('/sessions', { headers: bearer(session) }))).toHaveLength(1);
});

test('a name can be registered once, whatever the password', async () => {
  const username = newName();
  await register(username);
  await expect(post('/register', { username, password: 'another password' })).resolves.toMatchObject({
    status: 409,
    body: { error: 'conflict' },
  });
  expect((await signIn(username)).status).toBe(200);
});

test('an unknown name and a wrong password get the same response', async () => {
  const username = newName();
  await register(username);
  const responses = await Promise.all([
    post('/sign-in', { username, password: 'wrong password' }),
    post('/sign-in', { username: newName(), password: PASSWORD }),
    post('/sign-in', { username: username.toUpperCase(), password: PASSWORD }),
    post('/sign-in', { username: `${username}:`, password: PASSWORD }),
    post('/sign-in', { username: 'org.couchdb.user:x', password: PASSWORD }),
    post('/sign-in', { username: upstream().access.username, password: upstream().access.password }),
  ]);
  for (const response of responses) {
    expect(response).toMatchObject({
      status: 401,
      body: { error: 'unauthorized', reason: 'Name or password is incorrect.' },
    });
    expect(response.cookie).toBeUndefined();
  }
});

test.each<[string, number, string | undefined, Record<string, string>]>([
  ['no body', 415, undefined, {}],
  ['a form', 415, 'username=a&password=b', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['JSON as text/plain', 415, '{"username":"a","password":"12345678"}', { 'content-type': 'text/plain' }],
  ['compressed JSON', 415, '{}', { 'content-encoding': 'gzip' }],
  ['broken JSON', 400, '{"username":', {}],
  ['an array', 400, '[]', {}],
  ['null', 400, 'null', {}],
  ['a name that is an array', 400, '{"username":["a"],"password":"12345678"}', {}],
  ['a name that is an object', 400, '{"username":{"$gt":""},"password":"12345678"}', {}],
  ['an extra member', 400, '{"username":"a","password":"12345678","roles":["_admin"]}', {}],
  ['a short password', 400, '{"username":"a","password":"1234567"}', {}],
  ['a name in upper case', 400, '{"username":"Alice","password":"12345678"}', {}],
  ['a name with a colon', 400, '{"username":"org.couchdb.user:a","password":"12345678"}', {}],
  ['20 kB', 413, JSON.stringify({ username: 'a', password: 'x'.repeat(20_000) }), {}],
])("registering with %s is rejected with an error in CouchDB's shape", async (_what, status, body, headers) => {
  const response = await post('/register', body, headers);
  expect(response).toMatchObject({
    status,
    body: { error: expect.any(String) as string, reason: expect.any(String) as string },
  });
  expect(JSON.stringify(response.body)).not.toContain('1234567');
});

test("an unknown path is 404, another method is 405, both in CouchDB's shape", async () => {
  for (const path of ['', '/', '/Sign-in', '/sign-in/', '/nothing', '/sessions/a/b']) {
    await expect(request(path)).resolves.toMatchObject({
      status: 404,
      body: { error: 'not_found', reason: 'missing' },
    });
  }
  const methods = [
    ['/options', 'POST', 'GET,HEAD'],
    ['/register', 'GET', 'POST'],
    ['/sign-in', 'PUT', 'POST'],
    ['/refresh', 'GET', 'POST'],
    ['/sign-out', 'GET', 'POST'],
    ['/sessions', 'POST', 'GET,HEAD,DELETE'],
    ['/sessions/x', 'GET', 'DELETE'],
  ] as const;
  for (const [path, method, allowed] of methods) {
    const response = await request(path, { method });
    expect(response).toMatchObject({ status: 405, body: { error: 'method_not_allowed' } });
    expect(response.headers.get('allow')).toBe(allowed);
  }
  await expect(request('/sessions/%E0%A4%A', { method: 'DELETE' })).resolves.toMatchObject({ status: 400 });
});

test('closed registration is listed in the options, and registering is 403', async () => {
  const closed = await startIdentityServer(upstream(), { config: testConfig(upstream(), { REGISTRATION: 'closed' }) });
  expect((await request('/options', {}, closed)).body).toEqual({ registration: 'closed', telegram: false });
  expect((await request('/options')).body).toEqual({ registration: 'open', telegram: false });
  const response = await post('/register', { username: newName(), password: PASSWORD }, {}, closed);
  expect(response).toMatchObject({ status: 403, body: { error: 'forbidden' } });
  await closed.close();
});

test("with another identity provider's keys only, /options is the only route", async () => {
  const config = testConfig(upstream(), {
    JWT_SECRET: '',
    REGISTRATION: '',
    JWKS_URL: 'http://127.0.0.1:9/keys',
    JWT_ISSUER: 'any',
    JWT_AUDIENCE: 'any',
  });
  const external = await startIdentityServer(upstream(), { config });
  expect((await request('/options', {}, external)).body).toEqual({ registration: 'external', telegram: false });
  for (const path of ['/register', '/sign-in', '/refresh', '/sign-out']) {
    expect((await post(path, { username: 'a', password: PASSWORD }, {}, external)).status).toBe(404);
  }
  expect((await request('/sessions', {}, external)).status).toBe(404);
  await external.close();
});

test('a suspended user is rejected by every route until restored', async () => {
  const username = newName();
  const first = await register(username);
  const { username: branded } = await server()
    .identity.sessions.refresh(first.cookie ?? '')
    .then(({ session }) => session);
  await server().identity.accounts.suspend(branded);
  await server().identity.accounts.suspend(branded);
  expect((await request('/sessions', { headers: bearer(sessionOf(first)) })).status).toBe(401);
  expect((await post('/refresh', undefined, withCookie(first.cookie))).status).toBe(401);
  expect(await signIn(username)).toMatchObject({ status: 403, body: { reason: 'The account is suspended.' } });
  expect((await post('/sign-in', { username, password: 'wrong password' })).status).toBe(401);
  await server().identity.accounts.restore(branded);
  await server().identity.accounts.restore(branded);
  expect((await request('/sessions', { headers: bearer(sessionOf(await signIn(username))) })).status).toBe(200);
});

test('the database holds no refresh token and no password', async () => {
  const username = newName();
  const response = await register(username);
  const couch = connect(upstream().access);
  const all = JSON.stringify(await couch.use(upstream().names.sessions).list({ include_docs: true }));
  expect(all).toContain(sessionOf(response).sessionId);
  expect(all).not.toContain(response.cookie?.split('.')[2]);
  const account: unknown = await couch.use('_users').get(`org.couchdb.user:${username}`);
  expect(account).toMatchObject({ roles: [] });
  expect(JSON.stringify(account)).not.toContain(PASSWORD);
});

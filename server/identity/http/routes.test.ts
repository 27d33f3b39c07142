import jwt from 'jsonwebtoken';
import type { Session, SessionList } from '../../contract.ts';
import { connect } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import {
  rateLimitsWith,
  TEST_SECRET,
  startConfiguredUpstream,
  startIdentityServer,
  testConfig,
  type TestIdentityServer,
} from '../../testing/test-identity.ts';

let engine: TestUpstream;
let gate: TestIdentityServer;
let now = Date.now();
const registered: string[] = [];

beforeAll(async () => {
  engine = await startConfiguredUpstream();
  gate = await startIdentityServer(engine, {
    now: () => now,
    onRegistered: (username) => {
      registered.push(username);
      return Promise.resolve();
    },
  });
});
beforeEach(() => {
  now = Date.now();
});
afterAll(async () => {
  await gate.close();
  await engine.close();
});

interface TestResponse {
  status: number;
  body: unknown;
  headers: Headers;
  /** The value of the refresh cookie; undefined when it was not set, empty when it was cleared. */
  cookie: string | undefined;
  setCookie: string | undefined;
}

async function request(path: string, init: RequestInit = {}, server: TestIdentityServer = gate): Promise<TestResponse> {
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  const setCookie = response.headers.getSetCookie().find((each) => each.startsWith('pouchgate_refresh='));
  return {
    status: response.status,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
    headers: response.headers,
    cookie: setCookie === undefined ? undefined : /^pouchgate_refresh=([^;]*)/.exec(setCookie)?.[1],
    setCookie,
  };
}

const post = (
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  server?: TestIdentityServer,
): Promise<TestResponse> =>
  request(
    path,
    {
      method: 'POST',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    },
    server,
  );
const withCookie = (value: string | undefined, headers: Record<string, string> = {}) => ({
  cookie: `other=1; pouchgate_refresh=${value ?? ''}`,
  ...headers,
});
const bearer = (session: Session) => ({ authorization: `Bearer ${session.accessToken}` });
const sessionOf = (response: TestResponse): Session => {
  expect([200, 201]).toContain(response.status);
  return response.body as Session;
};
const listOf = (response: TestResponse): SessionList['sessions'] => {
  expect(response.status).toBe(200);
  return (response.body as SessionList).sessions;
};

let userCount = 0;
const newName = (): string => engine.accountName(`user${(userCount += 1)}`);
const PASSWORD = 'correct horse';
const register = (username: string): Promise<TestResponse> => post('/register', { username, password: PASSWORD });
const signIn = (username: string, headers?: Record<string, string>): Promise<TestResponse> =>
  post('/sign-in', { username, password: PASSWORD }, headers);

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

test('behind https the cookie is Secure', async () => {
  const secure = await startIdentityServer(engine, {
    config: testConfig(engine, { PUBLIC_URL: 'https://gate.example' }),
  });
  const response = await post('/register', { username: newName(), password: PASSWORD }, {}, secure);
  expect(response.setCookie).toMatch(/; Secure/);
  await secure.close();
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
    post('/sign-in', { username: engine.access.username, password: engine.access.password }),
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
  const closed = await startIdentityServer(engine, { config: testConfig(engine, { REGISTRATION: 'closed' }) });
  expect((await request('/options', {}, closed)).body).toEqual({ registration: 'closed', telegram: false });
  expect((await request('/options')).body).toEqual({ registration: 'open', telegram: false });
  const response = await post('/register', { username: newName(), password: PASSWORD }, {}, closed);
  expect(response).toMatchObject({ status: 403, body: { error: 'forbidden' } });
  await closed.close();
});

test("with another identity provider's keys only, /options is the only route", async () => {
  const config = testConfig(engine, { JWT_SECRET: '', JWKS_URL: 'http://127.0.0.1:9/keys' });
  const external = await startIdentityServer(engine, { config });
  expect((await request('/options', {}, external)).body).toEqual({ registration: 'external', telegram: false });
  for (const path of ['/register', '/sign-in', '/refresh', '/sign-out']) {
    expect((await post(path, { username: 'a', password: PASSWORD }, {}, external)).status).toBe(404);
  }
  expect((await request('/sessions', {}, external)).status).toBe(404);
  await external.close();
});

test('a refresh returns a new access token and sets a new cookie', async () => {
  const first = await register(newName());
  now += 10 * 60_000;
  const second = await post('/refresh', undefined, withCookie(first.cookie));
  expect(sessionOf(second)).toMatchObject({
    username: sessionOf(first).username,
    sessionId: sessionOf(first).sessionId,
  });
  expect(Date.parse(sessionOf(second).expiresAt)).toBeGreaterThan(Date.parse(sessionOf(first).expiresAt));
  expect(second.cookie).not.toBe(first.cookie);
});

test('concurrent refreshes of one token, also at two gates, get the same successor, and it is valid', async () => {
  const first = await register(newName());
  const other = await startIdentityServer(engine, { now: () => now });
  const responses = await Promise.all(
    [gate, other, gate, other, gate].map((each) => post('/refresh', undefined, withCookie(first.cookie), each)),
  );
  expect(responses.map((response) => response.status)).toEqual([200, 200, 200, 200, 200]);
  expect(new Set(responses.map((response) => response.cookie)).size).toBe(1);
  now += 1_000;
  expect((await post('/refresh', undefined, withCookie(responses[0]?.cookie))).status).toBe(200);
  await other.close();
});

test('reusing a refresh token later ends the session for both holders', async () => {
  const first = await register(newName());
  const second = await post('/refresh', undefined, withCookie(first.cookie));
  now += 60_001;
  const thief = await post('/refresh', undefined, withCookie(first.cookie));
  expect(thief).toMatchObject({ status: 401, body: { error: 'unauthorized' }, cookie: '' });
  expect((await post('/refresh', undefined, withCookie(second.cookie))).status).toBe(401);
  expect((await request('/sessions', { headers: bearer(sessionOf(second)) })).status).toBe(401);
});

test('a refresh token that was never issued is 401', async () => {
  const { cookie = '', body } = await register(newName());
  const { accessToken } = body as Session;
  for (const value of ['', 'x', `${cookie}x`, accessToken, 'j:{"a":1}', cookie.replace('.1.', '.2.')]) {
    const response = await post('/refresh', undefined, withCookie(value));
    expect(response).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  }
  expect((await post('/refresh')).status).toBe(401);
  expect((await post(`/refresh?pouchgate_refresh=${cookie}`)).status).toBe(401);
});

test('a refresh token is not accepted as an access token', async () => {
  const { cookie } = await register(newName());
  expect((await request('/sessions', { headers: { authorization: `Bearer ${cookie ?? ''}` } })).status).toBe(401);
});

test('a page of another origin can neither refresh nor sign out', async () => {
  const { cookie } = await register(newName());
  for (const site of ['cross-site', 'same-site', 'Same-Origin, cross-site']) {
    for (const path of ['/refresh', '/sign-out']) {
      const response = await post(path, undefined, withCookie(cookie, { 'sec-fetch-site': site }));
      expect(response).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    }
  }
  const own = await post('/refresh', undefined, withCookie(cookie, { 'sec-fetch-site': 'same-origin' }));
  expect(own.status).toBe(200);
});

test('signing out with any of its refresh tokens ends the session at once, and clears the cookie', async () => {
  const first = await register(newName());
  const second = await post('/refresh', undefined, withCookie(first.cookie));
  const out = await post('/sign-out', undefined, withCookie(first.cookie));
  expect(out).toMatchObject({ status: 204, cookie: '' });
  expect((await request('/sessions', { headers: bearer(sessionOf(second)) })).status).toBe(401);
  expect((await post('/refresh', undefined, withCookie(second.cookie))).status).toBe(401);
  expect((await post('/sign-out')).status).toBe(204);
});

test('a user lists and ends their own sessions', async () => {
  const username = newName();
  const first = sessionOf(await register(username));
  now += 1_000;
  const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';
  const second = sessionOf(await signIn(username, { 'user-agent': firefox }));
  const list = listOf(await request('/sessions', { headers: bearer(second) }));
  expect(list.map(({ id, current, device }) => ({ id, current, device }))).toEqual([
    { id: second.sessionId, current: true, device: 'Firefox on Windows' },
    { id: first.sessionId, current: false, device: 'Node.js' },
  ]);

  const third = sessionOf(await signIn(username));
  expect((await request(`/sessions/${first.sessionId}`, { method: 'DELETE', headers: bearer(second) })).status).toBe(
    204,
  );
  expect((await request('/sessions', { headers: bearer(first) })).status).toBe(401);
  expect((await request('/sessions', { method: 'DELETE', headers: bearer(second) })).status).toBe(204);
  expect((await request('/sessions', { headers: bearer(third) })).status).toBe(401);
  expect(listOf(await request('/sessions', { headers: bearer(second) })).map(({ id }) => id)).toEqual([
    second.sessionId,
  ]);
});

test("ending another user's session is 404 like an unknown one, and the session stays active", async () => {
  const alice = sessionOf(await register(newName()));
  const bob = sessionOf(await register(newName()));
  const end = (id: string) => request(`/sessions/${id}`, { method: 'DELETE', headers: bearer(alice) });
  const foreign = await end(bob.sessionId);
  const unknown = await end(`${bob.sessionId.slice(0, -1)}_`);
  const malformed = await end(encodeURIComponent('../../_users/org.couchdb.user:bob'));
  expect(foreign).toMatchObject({ status: 404, body: { error: 'not_found', reason: 'missing' } });
  expect(unknown).toMatchObject({ status: foreign.status, body: foreign.body });
  expect(malformed).toMatchObject({ status: foreign.status, body: foreign.body });
  await request('/sessions', { method: 'DELETE', headers: bearer(alice) });
  expect(listOf(await request('/sessions', { headers: bearer(bob) }))).toHaveLength(1);
  expect(listOf(await request('/sessions', { headers: bearer(alice) }))).toHaveLength(1);
});

test("a token with another user's session is rejected", async () => {
  const alice = sessionOf(await register(newName()));
  const bob = sessionOf(await register(newName()));
  const forged = jwt.sign({ sub: alice.username, sid: bob.sessionId }, TEST_SECRET, { expiresIn: 60 });
  expect((await request('/sessions', { headers: { authorization: `Bearer ${forged}` } })).status).toBe(401);
});

test('a token without a session is accepted, as another identity provider issues it', async () => {
  const token = jwt.sign({ sub: newName() }, TEST_SECRET, { expiresIn: 60 });
  expect(listOf(await request('/sessions', { headers: { authorization: `bearer ${token}` } }))).toEqual([]);
});

test('the token is accepted only in a single Authorization header', async () => {
  const session = sessionOf(await register(newName()));
  const token = session.accessToken;
  const attempts: [string, Record<string, string> | [string, string][]][] = [
    [`?access_token=${token}`, {}],
    ['', { cookie: `access_token=${token}; authorization=Bearer ${token}` }],
    ['', { authorization: token }],
    ['', { authorization: `Basic ${token}` }],
    ['', { authorization: `Bearer ${token}, Bearer ${token}` }],
    ['', { authorization: `Bearer ${token} x` }],
    ['', { 'x-forwarded-authorization': `Bearer ${token}` }],
  ];
  for (const [query, headers] of attempts) expect((await request(`/sessions${query}`, { headers })).status).toBe(401);
});

test('a suspended user is rejected by every route until restored', async () => {
  const username = newName();
  const first = await register(username);
  const { username: branded } = await gate.identity.sessions.refresh(first.cookie ?? '').then(({ session }) => session);
  await gate.identity.accounts.suspend(branded);
  await gate.identity.accounts.suspend(branded);
  expect((await request('/sessions', { headers: bearer(sessionOf(first)) })).status).toBe(401);
  expect((await post('/refresh', undefined, withCookie(first.cookie))).status).toBe(401);
  expect(await signIn(username)).toMatchObject({ status: 403, body: { reason: 'The account is suspended.' } });
  expect((await post('/sign-in', { username, password: 'wrong password' })).status).toBe(401);
  await gate.identity.accounts.restore(branded);
  await gate.identity.accounts.restore(branded);
  expect((await request('/sessions', { headers: bearer(sessionOf(await signIn(username))) })).status).toBe(200);
});

test('beyond its limit each route sends 429 with Retry-After, and other users are not affected', async () => {
  const few = { windowMs: 60_000, limit: 2 };
  const limited = await startIdentityServer(engine, {
    rateLimits: rateLimitsWith({ signInByName: few, registerByName: few, refreshBySession: few }),
  });
  const send = (path: string, body?: unknown, headers?: Record<string, string>) => post(path, body, headers, limited);
  const username = newName();
  const credentials = { username, password: PASSWORD };
  const first = await send('/register', credentials);
  await send('/register', credentials);
  const limitedRequests: [string, unknown, Record<string, string>][] = [['/register', credentials, {}]];

  for (let each = 0; each < 3; each += 1) expect((await send('/sign-in', credentials)).status).toBe(200);
  const wrong = { username, password: 'wrong password' };
  await send('/sign-in', wrong);
  await send('/sign-in', wrong);
  limitedRequests.push(['/sign-in', credentials, {}]);

  const second = await send('/refresh', undefined, withCookie(first.cookie));
  const third = await send('/refresh', undefined, withCookie(second.cookie));
  limitedRequests.push(['/refresh', undefined, withCookie(third.cookie)]);

  for (const [path, body, headers] of limitedRequests) {
    const response = await send(path, body, headers);
    expect(response).toMatchObject({
      status: 429,
      body: { error: 'too_many_requests', reason: expect.any(String) as string },
    });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(50);
  }
  const other = { username: newName(), password: PASSWORD };
  expect((await send('/register', other)).status).toBe(201);
  expect((await send('/sign-in', other)).status).toBe(200);
  await limited.close();
});

test('session requests and sign-outs are limited per user: 429, and other users are not affected', async () => {
  const few = { windowMs: 60_000, limit: 2 };
  const limited = await startIdentityServer(engine, {
    rateLimits: rateLimitsWith({ sessionsByName: few, signOutBySession: few }),
  });
  const register = (): Promise<TestResponse> =>
    post('/register', { username: newName(), password: PASSWORD }, {}, limited);
  const [mine, other] = [await register(), await register()];
  const list = async (response: TestResponse, method = 'GET', path = '/sessions'): Promise<number> =>
    (await request(path, { method, headers: bearer(sessionOf(response)) }, limited)).status;
  expect([await list(mine), await list(mine), await list(mine)]).toEqual([200, 200, 429]);
  expect([await list(mine, 'DELETE'), await list(mine, 'DELETE', '/sessions/x')]).toEqual([429, 429]);
  expect(await list(other)).toBe(200);
  const signOut = async (response: TestResponse): Promise<number> =>
    (await post('/sign-out', undefined, withCookie(response.cookie), limited)).status;
  expect([await signOut(mine), await signOut(mine), await signOut(mine)]).toEqual([204, 204, 429]);
  expect(await signOut(other)).toBe(204);
  await limited.close();
});

test('an address beyond its limit gets 429 before its body is parsed or the database is read', async () => {
  const few = { windowMs: 60_000, limit: 2 };
  const limited = await startIdentityServer(engine, {
    rateLimits: rateLimitsWith({ signInByAddress: few, registerByAddress: few, refreshByAddress: few }),
  });
  for (const path of ['/register', '/sign-in', '/refresh']) {
    const send = () =>
      post(path, '{', { 'x-forwarded-for': `10.0.0.${String(Math.floor(Math.random() * 250))}` }, limited);
    await send();
    await send();
    expect((await send()).status).toBe(429);
  }
  await limited.close();
});

test('the database holds no refresh token and no password', async () => {
  const username = newName();
  const response = await register(username);
  const couch = connect(engine.access);
  const all = JSON.stringify(await couch.use(engine.names.sessions).list({ include_docs: true }));
  expect(all).toContain(sessionOf(response).sessionId);
  expect(all).not.toContain(response.cookie?.split('.')[2]);
  const account: unknown = await couch.use('_users').get(`org.couchdb.user:${username}`);
  expect(account).toMatchObject({ roles: [] });
  expect(JSON.stringify(account)).not.toContain(PASSWORD);
});

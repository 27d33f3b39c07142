import jwt from 'jsonwebtoken';
import type { Session } from '../../contract.ts';
import { TEST_SECRET, startIdentityServer } from '../../testing/test-identity.ts';
import { setUpAuthServer, bearer, listOf, sessionOf, withCookie } from './testing/auth-server.ts';

const { upstream, server, clock, request, post, newName, register, signIn } = setUpAuthServer();

test('a refresh returns a new access token and sets a new cookie', async () => {
  const first = await register(newName());
  clock.now += 10 * 60_000;
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
  const other = await startIdentityServer(upstream(), { now: () => clock.now });
  const responses = await Promise.all(
    [server(), other, server(), other, server()].map((each) =>
      post('/refresh', undefined, withCookie(first.cookie), each),
    ),
  );
  expect(responses.map((response) => response.status)).toEqual([200, 200, 200, 200, 200]);
  expect(new Set(responses.map((response) => response.cookie)).size).toBe(1);
  clock.now += 1_000;
  expect((await post('/refresh', undefined, withCookie(responses[0]?.cookie))).status).toBe(200);
  await other.close();
});

test('reusing a refresh token later ends the session for both holders', async () => {
  const first = await register(newName());
  const second = await post('/refresh', undefined, withCookie(first.cookie));
  clock.now += 60_001;
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
  clock.now += 1_000;
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

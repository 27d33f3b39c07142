import { startRecorder } from '../../testing/request-recorder.ts';
import { rateLimitsWith, startIdentityServer } from '../../testing/test-identity.ts';
import { setUpAuthServer, PASSWORD, bearer, sessionOf, withCookie, type TestResponse } from './testing/auth-server.ts';

const { upstream, request, post, newName } = setUpAuthServer();

test('beyond its limit each route sends 429 with Retry-After, and other users are not affected', async () => {
  const few = { windowMs: 60_000, limit: 2 };
  const limited = await startIdentityServer(upstream(), {
    rateLimits: rateLimitsWith({ registerByName: few, refreshBySession: few }),
  });
  const send = (path: string, body?: unknown, headers?: Record<string, string>) => post(path, body, headers, limited);
  const username = newName();
  const credentials = { username, password: PASSWORD };
  const first = await send('/register', credentials);
  await send('/register', credentials);
  const limitedRequests: [string, unknown, Record<string, string>][] = [['/register', credentials, {}]];

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
  const limited = await startIdentityServer(upstream(), {
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

test('an address beyond its limit of registrations gets 429 before its body is parsed or the database is read', async () => {
  const few = { windowMs: 60_000, limit: 2 };
  const limited = await startIdentityServer(upstream(), {
    rateLimits: rateLimitsWith({ registerByAddress: few }),
  });
  let address = 0;
  const send = () => post('/register', '{', { 'x-forwarded-for': `10.0.0.${(address += 1)}` }, limited);
  await send();
  await send();
  expect((await send()).status).toBe(429);
  await limited.close();
});

test('made-up refresh tokens are 401 for any number of requests, and a valid one from their address is served', async () => {
  const session = await post('/register', { username: newName(), password: PASSWORD });
  const forged = (session.cookie ?? '').replace(/.{4}$/, 'AAAA');
  const statuses = new Set<number>();
  for (let each = 0; each < 100; each += 1)
    statuses.add((await post('/refresh', undefined, withCookie(forged))).status);
  expect([...statuses]).toEqual([401]);
  expect((await post('/refresh', undefined, withCookie(session.cookie))).status).toBe(200);
});

test('made-up refresh tokens cost no request to the database', async () => {
  const recorder = await startRecorder(upstream().nextAccess().url);
  const gate = await startIdentityServer(upstream(), { access: { ...upstream().access, url: recorder.url } });
  const before = recorder.requests.length;
  for (const value of ['x', 'a.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', `${'a'.repeat(64)}.1.${'b'.repeat(43)}`])
    expect((await post('/refresh', undefined, withCookie(value), gate)).status).toBe(401);
  expect(recorder.requests.slice(before)).toEqual([]);
  await gate.close();
  await recorder.close();
});

import { createHmac, hkdfSync } from 'node:crypto';
import { TEST_SECRET, startIdentityServer, testConfig, type TestIdentityServer } from '../../testing/test-identity.ts';
import { cookieValues } from './cookie-values.ts';
import { setUpAuthServer, PASSWORD, sessionOf, type TestResponse } from './testing/auth-server.ts';

const { upstream, request, post, newName, register } = setUpAuthServer();

let secure: TestIdentityServer;
beforeAll(async () => {
  const config = testConfig(upstream(), { PUBLIC_URL: 'https://gate.example' });
  secure = await startIdentityServer(upstream(), { config });
});

const COOKIE = '__Host-pouchgate_refresh';

/** The `Set-Cookie` headers of a response by name: value and attributes. */
const setCookies = ({ headers }: TestResponse): Record<string, string> =>
  Object.fromEntries(
    headers.getSetCookie().map((each) => {
      const separator = each.indexOf('=');
      return [each.slice(0, separator), each.slice(separator + 1)];
    }),
  );
const valueOf = (response: TestResponse, name: string): string => setCookies(response)[name]?.split(';', 1)[0] ?? '';
const refresh = (cookie: string, gate?: TestIdentityServer): Promise<TestResponse> =>
  post('/refresh', undefined, { cookie }, gate);

/** The token of a session as an earlier version has issued it. */
function formerToken(sessionId: string, generation: number): string {
  const key = new Uint8Array(hkdfSync('sha256', TEST_SECRET, '', 'pouchgate refresh token 1', 32));
  const signature = createHmac('sha256', key).update(`${sessionId}.${generation}`).digest('base64url');
  return `${sessionId}.${generation}.${signature}`;
}

const newSession = (): Promise<TestResponse> =>
  post('/register', { username: newName(), password: PASSWORD }, {}, secure);

test('over https both cookies have the prefix __Host-, with the attributes that it requires', async () => {
  const response = await newSession();
  const cookies = setCookies(response);
  expect(Object.keys(cookies).toSorted()).toEqual(['__Host-pouchgate_device', COOKIE]);
  for (const each of Object.values(cookies)) {
    expect(each).toMatch(/; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Strict$/);
    expect(each).not.toContain('Domain');
  }
  const refreshed = await refresh(`${COOKIE}=${valueOf(response, COOKIE)}`, secure);
  expect([refreshed.status, sessionOf(refreshed).sessionId]).toEqual([200, sessionOf(response).sessionId]);
});

test("an attacker's token in a cookie without the prefix signs no page in", async () => {
  const attacker = valueOf(await newSession(), COOKIE);
  expect((await refresh(`pouchgate_refresh=${attacker}`, secure)).status).toBe(401);
  const victim = await newSession();
  const both = await refresh(`pouchgate_refresh=${attacker}; ${COOKIE}=${valueOf(victim, COOKIE)}`, secure);
  expect(sessionOf(both).sessionId).toBe(sessionOf(victim).sessionId);
});

test('a session of an earlier version continues with a cookie of the new name, and the old one is cleared', async () => {
  const { sessionId } = sessionOf(await newSession());
  const former = formerToken(sessionId, 1);
  const refreshed = await refresh(`pouchgate_refresh=${former}`, secure);
  expect(sessionOf(refreshed).sessionId).toBe(sessionId);
  const cookies = setCookies(refreshed);
  expect(cookies[COOKIE]).toMatch(/^[^;]+; Path=\/;/);
  expect(cookies['pouchgate_refresh']).toMatch(/^; Path=\/api; Expires=Thu, 01 Jan 1970/);
  expect((await refresh(`${COOKIE}=${valueOf(refreshed, COOKIE)}`, secure)).status).toBe(200);
  // Only this version sets the cookie with the prefix.
  expect((await refresh(`${COOKIE}=${former}`, secure)).status).toBe(401);
});

test('over http a session of an earlier version continues as well', async () => {
  const { sessionId } = sessionOf(await register(newName()));
  expect((await refresh(`pouchgate_refresh=${formerToken(sessionId, 1)}`)).status).toBe(200);
});

test('of two session cookies none is used: a page of a sibling subdomain may have set one', async () => {
  const [victim, attacker] = [await register(newName()), await register(newName())];
  const pairs = [
    [victim, attacker],
    [attacker, victim],
    [victim, victim],
  ];
  for (const pair of pairs) {
    const cookie = pair.map((each) => `pouchgate_refresh=${each.cookie ?? ''}`).join('; ');
    for (const path of ['/refresh', '/sign-out']) {
      const response = await post(path, undefined, { cookie });
      expect(response).toMatchObject({ status: 401, body: { error: 'unauthorized' }, cookie: '' });
    }
  }
  // Neither session has ended.
  for (const each of [victim, attacker])
    expect((await refresh(`pouchgate_refresh=${each.cookie ?? ''}`)).status).toBe(200);
});

test('a session that has no cookie of its device gets one at its next refresh', async () => {
  const session = await register(newName());
  const first = await refresh(`pouchgate_refresh=${session.cookie ?? ''}`);
  const device = valueOf(first, 'pouchgate_device');
  expect(device).not.toBe('');
  const second = await refresh(`pouchgate_refresh=${first.cookie ?? ''}; pouchgate_device=${device}`);
  expect(setCookies(second)).not.toHaveProperty('pouchgate_device');
  expect((await request('/options')).headers.getSetCookie()).toEqual([]);
});

test.each([
  ['a=1; name=x; b=2', ['x']],
  ['name=x; name=y', ['x', 'y']],
  ['name=x;name=y', ['x', 'y']],
  ['Name=x; name =y; xname=z; name', ['y']],
  ['name=', ['']],
  ['name=a=b', ['a=b']],
  ['', []],
  [undefined, []],
])('the cookies of a name in %p are %p', (header, values) => {
  expect(cookieValues(header, 'name')).toEqual(values);
});

import { createOwnOriginCheck } from './own-origin.ts';
import { setUpAuthServer, withCookie } from './testing/auth-server.ts';

const { server, post, newName, register } = setUpAuthServer();

type Headers = Readonly<Record<string, string[]>>;
const isAccepted = (publicUrl: string | undefined, headersDistinct: Headers): boolean => {
  try {
    createOwnOriginCheck(publicUrl)({ headersDistinct });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ status: 403, error: 'forbidden' });
    return false;
  }
};

const host = ['gate.example:4000'];

test.each<[string, boolean, string | undefined, Headers]>([
  ['no browser', true, undefined, { host }],
  [
    'its own page over http, which sends no Sec-Fetch-Site',
    true,
    undefined,
    { host, origin: ['http://gate.example:4000'] },
  ],
  ['its own page behind TLS', true, undefined, { host: ['gate.example'], origin: ['https://gate.example'] }],
  ['a page of a sibling subdomain over http', false, undefined, { host, origin: ['http://evil.example:4000'] }],
  ['a page on another port', false, undefined, { host, origin: ['http://gate.example:4001'] }],
  ['a sandboxed page', false, undefined, { host, origin: ['null'] }],
  ['no host', false, undefined, { origin: ['http://gate.example:4000'] }],
  ['two origins', false, undefined, { host, origin: ['http://gate.example:4000', 'http://evil.example'] }],
  ['a text', false, undefined, { host, origin: ['gate.example:4000'] }],
  [
    'a development proxy that replaces Host',
    true,
    undefined,
    { host, origin: ['http://localhost:5173'], 'sec-fetch-site': ['same-origin'] },
  ],
  [
    'its own page at PUBLIC_URL',
    true,
    'https://gate.example',
    { host, origin: ['https://gate.example'], 'sec-fetch-site': ['same-origin'] },
  ],
  [
    'the same host over http',
    false,
    'https://gate.example',
    { host: ['gate.example'], origin: ['http://gate.example'] },
  ],
  [
    'an origin that names the host of the request',
    false,
    'https://gate.example',
    { host: ['evil.example'], origin: ['https://evil.example'] },
  ],
  [
    'a foreign origin with a made-up Sec-Fetch-Site',
    false,
    'https://gate.example',
    { host, origin: ['https://evil.example'], 'sec-fetch-site': ['same-origin'] },
  ],
  ['an address that a person typed', true, 'https://gate.example', { host, 'sec-fetch-site': ['none'] }],
  ['a page of a sibling subdomain', false, 'https://gate.example', { host, 'sec-fetch-site': ['same-site'] }],
  ['two sites', false, 'https://gate.example', { host, 'sec-fetch-site': ['same-origin', 'cross-site'] }],
])('a request of %s is accepted: %s', (_client, accepted, publicUrl, headers) => {
  expect(isAccepted(publicUrl, headers)).toBe(accepted);
});

test('no route that reads or sets a cookie serves a page of another origin', async () => {
  const username = newName();
  const { cookie } = await register(username);
  const foreign = { origin: 'http://sibling.example' };
  const body = { username, password: 'x' };
  for (const [path, content] of [['/refresh'], ['/sign-out'], ['/sign-in', body], ['/register', body]] as const) {
    const response = await post(path, content, withCookie(cookie, foreign));
    expect(response).toMatchObject({ status: 403, body: { error: 'forbidden' } });
  }
  const own = { origin: new URL(server().url).origin };
  expect((await post('/refresh', undefined, withCookie(cookie, own))).status).toBe(200);
});

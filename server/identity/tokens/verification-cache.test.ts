import jwt from 'jsonwebtoken';
import { createTokens, type Tokens } from './tokens.ts';
import { VerificationCache } from './verification-cache.ts';

const SECRET = 'a secret for tests, and for nothing else at all';
const START = Date.parse('2026-11-22T12:00:00Z');

/** The cache over real tokens, on a clock that the test advances, with a count of the verified signatures. */
function createFixture(maxEntries?: number) {
  let time = START;
  let verifiedCount = 0;
  const now = (): number => time;
  const tokens = createTokens({
    secrets: [SECRET],
    findKey: undefined,
    usernameClaim: 'sub',
    issuer: undefined,
    audience: undefined,
    audienceClaim: 'aud',
    leewaySeconds: 0,
    maxLifetimeSeconds: 86_400,
    now,
  });
  const countingVerify: Tokens['verify'] = (token) => {
    verifiedCount += 1;
    return tokens.verify(token);
  };
  const cache = new VerificationCache({
    verify: countingVerify,
    now,
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
  return {
    cache,
    verify: cache.verify,
    verifiedCount: () => verifiedCount,
    advance: (ms: number) => void (time += ms),
  };
}

const sign = (sub: string, seconds: number): string =>
  jwt.sign({ sub, exp: START / 1000 + seconds }, SECRET, { noTimestamp: true });

test('a token is verified once a minute, and yields the same claims in between', async () => {
  const { verify, verifiedCount, advance } = createFixture();
  const token = sign('alice', 3_600);
  const first = await verify(token);
  advance(59_999);
  expect(await verify(token)).toEqual(first);
  expect(verifiedCount()).toBe(1);
  advance(1);
  expect(await verify(token)).toEqual(first);
  expect(verifiedCount()).toBe(2);
});

test('a cached token expires to the millisecond', async () => {
  const { verify, advance } = createFixture();
  const token = sign('alice', 10);
  await verify(token);
  advance(9_999);
  await expect(verify(token)).resolves.toMatchObject({ username: 'alice' });
  advance(1);
  await expect(verify(token)).rejects.toMatchObject({ status: 401 });
});

test('a cached token does not validate another token with the same parts', async () => {
  const { verify } = createFixture();
  const token = sign('alice', 3_600);
  await verify(token);
  const [header = '', , signature = ''] = token.split('.');
  const [, payload = ''] = sign('bob', 3_600).split('.');
  await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject({ status: 401 });
  await expect(verify(`${token}A`)).rejects.toMatchObject({ status: 401 });
  await expect(verify(sign('bob', 3_600))).resolves.toMatchObject({ username: 'bob' });
});

test('a rejected token is verified each time', async () => {
  const { verify, verifiedCount } = createFixture();
  for (let n = 0; n < 3; n += 1) await expect(verify('a.b.c')).rejects.toMatchObject({ status: 401 });
  expect(verifiedCount()).toBe(3);
});

test('beyond the limit the least recently used token is evicted', async () => {
  const { verify, verifiedCount } = createFixture(2);
  const [a, b, c] = [sign('a', 3_600), sign('b', 3_600), sign('c', 3_600)];
  for (const token of [a, b, c, b, c]) await verify(token);
  expect(verifiedCount()).toBe(3);
  await verify(a);
  expect(verifiedCount()).toBe(4);
});

test('a verified token is found without verification, until it expires or its minute ends', async () => {
  const { cache, verify, verifiedCount, advance } = createFixture();
  const [short, long] = [sign('alice', 10), sign('alice', 3_600)];
  expect(cache.find(short)).toBeUndefined();
  for (const token of [short, long]) await verify(token);
  await expect(verify('a.b.c')).rejects.toMatchObject({ status: 401 });
  expect([cache.find(short)?.username, cache.find(long)?.username]).toEqual(['alice', 'alice']);
  expect([cache.find('a.b.c'), cache.find(`${long}A`)]).toEqual([undefined, undefined]);
  advance(10_000);
  expect([cache.find(short), cache.find(long)?.username]).toEqual([undefined, 'alice']);
  advance(50_000);
  expect(cache.find(long)).toBeUndefined();
  expect(verifiedCount()).toBe(3);
});

import jwt from 'jsonwebtoken';
import { createTokens, type Tokens } from './tokens.ts';
import { cacheVerification } from './verification-cache.ts';

const SECRET = 'a secret for tests, and for nothing else at all';
const BEGIN = Date.parse('2026-11-22T12:00:00Z');

/** Real tokens behind it, on a clock that the test moves, counting the signatures that are checked. */
function createFixture(maxEntries?: number) {
  let time = BEGIN;
  let checked = 0;
  const now = (): number => time;
  const tokens = createTokens({
    secrets: [SECRET],
    findKey: undefined,
    usernameClaim: 'sub',
    issuer: undefined,
    audience: undefined,
    now,
  });
  const countingVerify: Tokens['verify'] = (token) => {
    checked += 1;
    return tokens.verify(token);
  };
  return {
    verify: cacheVerification({ verify: countingVerify, now, ...(maxEntries === undefined ? {} : { maxEntries }) }),
    checked: () => checked,
    pass: (ms: number) => void (time += ms),
  };
}

const sign = (sub: string, seconds: number): string =>
  jwt.sign({ sub, exp: BEGIN / 1000 + seconds }, SECRET, { noTimestamp: true });

test('a token that comes again within a minute is not checked again, and proves the same', async () => {
  const { verify, checked, pass } = createFixture();
  const token = sign('alice', 3_600);
  const first = await verify(token);
  pass(59_999);
  expect(await verify(token)).toEqual(first);
  expect(checked()).toBe(1);
  pass(1);
  expect(await verify(token)).toEqual(first);
  expect(checked()).toBe(2);
});

test('a token that ends meanwhile is over to the millisecond', async () => {
  const { verify, pass } = createFixture();
  const token = sign('alice', 10);
  await verify(token);
  pass(9_999);
  await expect(verify(token)).resolves.toMatchObject({ username: 'alice' });
  pass(1);
  await expect(verify(token)).rejects.toMatchObject({ status: 401 });
});

test('nothing of a remembered token helps another one', async () => {
  const { verify } = createFixture();
  const token = sign('alice', 3_600);
  await verify(token);
  const [header = '', , signature = ''] = token.split('.');
  const [, payload = ''] = sign('bob', 3_600).split('.');
  await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject({ status: 401 });
  await expect(verify(`${token}A`)).rejects.toMatchObject({ status: 401 });
  await expect(verify(sign('bob', 3_600))).resolves.toMatchObject({ username: 'bob' });
});

test('what was refused is checked each time', async () => {
  const { verify, checked } = createFixture();
  for (let n = 0; n < 3; n += 1) await expect(verify('a.b.c')).rejects.toMatchObject({ status: 401 });
  expect(checked()).toBe(3);
});

test('beyond the limit the oldest is forgotten', async () => {
  const { verify, checked } = createFixture(2);
  const [a, b, c] = [sign('a', 3_600), sign('b', 3_600), sign('c', 3_600)];
  for (const token of [a, b, c, b, c]) await verify(token);
  expect(checked()).toBe(3);
  await verify(a);
  expect(checked()).toBe(4);
});

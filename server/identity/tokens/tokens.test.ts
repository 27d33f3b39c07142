import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { createKeyFinder } from './provider-keys.ts';
import { createTokens, type TokenOptions } from './tokens.ts';

const SECRET = 'a secret for tests, and for nothing else at all';
const NOW = Date.parse('2026-11-22T12:00:00Z');
const SECOND = NOW / 1000;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

const tokensWith = (options: Partial<TokenOptions> = {}) =>
  createTokens({
    secrets: [SECRET],
    findKey: undefined,
    usernameClaim: 'sub',
    issuer: undefined,
    audience: undefined,
    now: () => NOW,
    ...options,
  });
const rsaKeys = createKeyFinder({ kind: 'public-key', pem: pemOf(rsa.publicKey) }, () => NOW);
const ecKeys = createKeyFinder({ kind: 'public-key', pem: pemOf(ec.publicKey) }, () => NOW);

const good = { sub: 'alice', exp: SECOND + 60 };
const sign = (payload: object, options: jwt.SignOptions = {}): string =>
  jwt.sign(payload, SECRET, { noTimestamp: true, ...options });

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
/** Signs by hand what no library would sign. */
const signRaw = (header: unknown, payload: unknown, key: string = SECRET): string => {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
};
const HS256 = { alg: 'HS256', typ: 'JWT' };

test('a signature, a username and an expiry are sufficient', async () => {
  await expect(tokensWith().verify(sign(good))).resolves.toEqual({
    username: 'alice',
    sessionId: undefined,
    expiresAt: NOW + 60_000,
  });
  await expect(tokensWith().verify(sign({ ...good, sid: 'abc-1_2' }))).resolves.toMatchObject({ sessionId: 'abc-1_2' });
});

test("another identity provider's sid is ignored", async () => {
  const token = jwt.sign({ ...good, sid: 'theirs' }, rsa.privateKey, { algorithm: 'RS256' });
  const verified = await tokensWith({ findKey: rsaKeys }).verify(token);
  expect(verified.sessionId).toBeUndefined();
});

test("another identity provider's RS256 and ES256 tokens are accepted with its key", async () => {
  const byRsa = jwt.sign(good, rsa.privateKey, { algorithm: 'RS256' });
  const byEc = jwt.sign(good, ec.privateKey, { algorithm: 'ES256' });
  await expect(tokensWith({ findKey: rsaKeys }).verify(byRsa)).resolves.toMatchObject({ username: 'alice' });
  await expect(tokensWith({ findKey: ecKeys }).verify(byEc)).resolves.toMatchObject({ username: 'alice' });
});

const flipped = (token: string): string => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
};
const publicPem = pemOf(rsa.publicKey);

test.each<[string, string]>([
  ['no content', ''],
  ['no JWT structure', 'abc'],
  ['three empty parts', '..'],
  ['alg none', `${part({ alg: 'none' })}.${part(good)}.`],
  ['alg None with a signature', signRaw({ alg: 'None' }, good)],
  ['no alg', signRaw({ typ: 'JWT' }, good)],
  ['another alg and the same key', jwt.sign(good, SECRET, { algorithm: 'HS512' })],
  ["HS256 signed with the public key's text", signRaw(HS256, good, publicPem)],
  ["HS256 signed with the public key's text without its last newline", signRaw(HS256, good, publicPem.trim())],
  [
    'HS256 signed with the public key in DER',
    signRaw(HS256, good, rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('latin1')),
  ],
  ['an empty key', signRaw(HS256, good, '')],
  ['a signature by another key', signRaw(HS256, good, 'another secret, which is just as long as ours')],
  [
    'an RS256 signature by another key',
    jwt.sign(good, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, { algorithm: 'RS256' }),
  ],
  ['ES256 and an RSA key', jwt.sign(good, ec.privateKey, { algorithm: 'ES256' })],
  ['PS256 and the right key', jwt.sign(good, rsa.privateKey, { algorithm: 'PS256' })],
  ['a changed signature', flipped(sign(good))],
  ['a key in the header', signRaw({ ...HS256, jwk: createPublicKey(publicPem).export({ format: 'jwk' }) }, good, 'x')],
  ['a critical extension', signRaw({ ...HS256, crit: ['b64'], b64: false }, good)],
  ['a key id that is not a string', signRaw({ ...HS256, kid: ['a'] }, good)],
  ['exp in the past', sign({ ...good, exp: SECOND - 1 })],
  ['exp in the current second', sign({ ...good, exp: SECOND })],
  ['no exp', sign({ sub: 'alice' })],
  ['exp as a string', signRaw(HS256, { ...good, exp: String(good.exp) })],
  ['exp null', signRaw(HS256, { ...good, exp: null })],
  ['an infinite exp', signRaw(HS256, `{"sub":"alice","exp":1e400}`)],
  ['exp beyond the largest Date', signRaw(HS256, { ...good, exp: 1e15 })],
  ['nbf in the future', sign({ ...good, nbf: SECOND + 10 })],
  ['nbf as a string', signRaw(HS256, { ...good, nbf: '0' })],
  ['no sub', sign({ exp: good.exp })],
  ['sub as an array', signRaw(HS256, { ...good, sub: ['alice'] })],
  ['sub as an object', signRaw(HS256, { ...good, sub: { toString: 'alice' } })],
  ['sub as a number', signRaw(HS256, { ...good, sub: 7 })],
  ['sub in upper case', sign({ ...good, sub: 'Alice' })],
  ['sub with a trailing space', sign({ ...good, sub: 'alice ' })],
  ['sub with a trailing newline', sign({ ...good, sub: 'alice\n' })],
  ['a homoglyph in sub', sign({ ...good, sub: '\u0430lice' })],
  ['the id of a design document as sub', sign({ ...good, sub: '_design/x' })],
  ['sub with a slash', sign({ ...good, sub: 'a/../bob' })],
  ['sub that is too long', sign({ ...good, sub: 'a'.repeat(65) })],
  ['an empty sub', sign({ ...good, sub: '' })],
  ['sid as an array', signRaw(HS256, { ...good, sid: ['a'] })],
  ['sid with a slash', sign({ ...good, sid: 'a/b' })],
  ['an empty sid', sign({ ...good, sid: '' })],
  ['sid null', signRaw(HS256, { ...good, sid: null })],
  ['sid that is too long', sign({ ...good, sid: 'a'.repeat(65) })],
  ['a length of 10 kB', sign({ ...good, more: 'a'.repeat(10_000) })],
  ['a string as payload', signRaw(HS256, '"alice"')],
  ['null as payload', signRaw(HS256, 'null')],
  ['an array as payload', signRaw(HS256, [good])],
  ['a payload that is not JSON', signRaw(HS256, '{')],
  ['a header that is not JSON', signRaw('{', good)],
])('rejects a token with %s: 401', async (_what, token) => {
  const refusal = { status: 401, error: 'unauthorized' };
  await expect(tokensWith({ findKey: rsaKeys }).verify(token)).rejects.toMatchObject(refusal);
});

test('without a secret, HS256 tokens are rejected and none are issued', async () => {
  const { verify, sign: issue } = tokensWith({ secrets: [], findKey: rsaKeys });
  await expect(verify(sign(good))).rejects.toMatchObject({ status: 401 });
  await expect(verify(signRaw(HS256, good, ''))).rejects.toMatchObject({ status: 401 });
  expect(issue).toBeUndefined();
});

test('without a provider, RS256 tokens are rejected', async () => {
  const token = jwt.sign(good, rsa.privateKey, { algorithm: 'RS256' });
  await expect(tokensWith().verify(token)).rejects.toMatchObject({ status: 401 });
});

test('issuer and audience are checked when they are configured', async () => {
  const { verify } = tokensWith({ issuer: 'https://idp.example', audience: 'gate' });
  const whole = { ...good, iss: 'https://idp.example', aud: ['other', 'gate'] };
  await expect(verify(sign(whole))).resolves.toMatchObject({ username: 'alice' });
  for (const wrong of [
    { iss: undefined },
    { iss: 'https://evil.example' },
    { aud: undefined },
    { aud: 'other' },
    { iss: ['https://idp.example'] },
  ]) {
    await expect(verify(signRaw(HS256, { ...whole, ...wrong }))).rejects.toMatchObject({ status: 401 });
  }
});

test('the username is read only from the configured claim', async () => {
  const { verify } = tokensWith({ usernameClaim: 'preferred_username' });
  await expect(verify(sign({ ...good, preferred_username: 'bob' }))).resolves.toMatchObject({ username: 'bob' });
  await expect(verify(sign(good))).rejects.toMatchObject({ status: 401 });
});

test('properties of Object.prototype are not claims', async () => {
  for (const usernameClaim of ['constructor', '__proto__', 'toString']) {
    await expect(tokensWith({ usernameClaim }).verify(sign(good))).rejects.toMatchObject({ status: 401 });
  }
});

const alice = parseUsername('alice');

test('an issued token is valid for 15 minutes, and never longer than its session', async () => {
  if (alice === undefined) throw new Error('alice is not a username');
  const options = { issuer: 'https://gate.example', audience: 'gate', usernameClaim: 'name' };
  const tokens = tokensWith(options);
  const long = tokens.sign?.({ username: alice, sessionId: 's1', notAfter: NOW + 86_400_000 });
  expect(long?.expiresAt).toBe(NOW + 15 * 60_000);
  await expect(tokens.verify(long?.token ?? '')).resolves.toEqual({
    username: 'alice',
    sessionId: 's1',
    expiresAt: NOW + 15 * 60_000,
  });
  const short = tokens.sign?.({ username: alice, sessionId: 's1', notAfter: NOW + 60_500 });
  expect(short?.expiresAt).toBe(NOW + 60_000);
  const later = tokensWith({ ...options, now: () => NOW + 15 * 60_000 });
  await expect(later.verify(long?.token ?? '')).rejects.toMatchObject({ status: 401 });
});

test('during secret rotation, tokens of every accepted secret are valid, and the first secret signs', async () => {
  if (alice === undefined) throw new Error('alice is not a username');
  const next = 'the secret that is used from now on, for tests';
  const [before, both, after] = [[SECRET, next], [next, SECRET], [next]].map((secrets) => tokensWith({ secrets }));
  const issue = (tokens: typeof before): string =>
    tokens?.sign?.({ username: alice, sessionId: 's1', notAfter: NOW + 60_000 }).token ?? '';
  for (const each of [before, both]) {
    for (const token of [issue(before), issue(both), issue(after)]) {
      await expect(each?.verify(token)).resolves.toMatchObject({ username: 'alice', sessionId: 's1' });
    }
  }
  await expect(after?.verify(issue(both))).resolves.toMatchObject({ username: 'alice' });
  await expect(after?.verify(issue(before))).rejects.toMatchObject({ status: 401 });
  await expect(both?.verify(sign({ ...good, exp: SECOND - 1 }))).rejects.toMatchObject({
    message: 'The token has expired.',
  });
});

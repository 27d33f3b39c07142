import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { decodeSubject, parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { createKeyFinder } from './provider-keys.ts';
import type { TokenRefusalCode } from '../../contract.ts';
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
    audienceClaim: 'aud',
    leewaySeconds: 0,
    maxLifetimeSeconds: 3_600,
    now: () => NOW,
    ...options,
  });
const options = { now: () => NOW, onFailure: () => undefined, onWeakKeys: () => undefined };
const rsaKeys = createKeyFinder({ kind: 'public-key', pem: pemOf(rsa.publicKey) }, options);
const ecKeys = createKeyFinder({ kind: 'public-key', pem: pemOf(ec.publicKey) }, options);

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

test('a token of the longest lifetime is accepted, by the clock of its issuer', async () => {
  for (const claims of [{ exp: SECOND + 3_600 }, { iat: SECOND + 900, exp: SECOND + 4_500 }])
    await expect(tokensWith().verify(signRaw(HS256, { ...good, ...claims }))).resolves.toMatchObject({
      username: 'alice',
    });
});

test("another identity provider's sid is ignored", async () => {
  for (const sid of ['theirs', 'a'.repeat(300), 'with:colon', 7]) {
    const token = jwt.sign({ ...good, sid }, rsa.privateKey, { algorithm: 'RS256' });
    const verified = await tokensWith({ findKey: rsaKeys }).verify(token);
    expect(verified.sessionId).toBeUndefined();
  }
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

test.each<[string, TokenRefusalCode, string]>([
  ['no content', 'token-malformed', ''],
  ['no JWT structure', 'token-malformed', 'abc'],
  ['three empty parts', 'token-malformed', '..'],
  ['alg none', 'token-wrong-algorithm', `${part({ alg: 'none' })}.${part(good)}.`],
  ['alg None with a signature', 'token-wrong-algorithm', signRaw({ alg: 'None' }, good)],
  ['no alg', 'token-malformed', signRaw({ typ: 'JWT' }, good)],
  ['another alg and the same key', 'token-wrong-algorithm', jwt.sign(good, SECRET, { algorithm: 'HS512' })],
  ["HS256 signed with the public key's text", 'token-bad-signature', signRaw(HS256, good, publicPem)],
  [
    "HS256 signed with the public key's text without its last newline",
    'token-bad-signature',
    signRaw(HS256, good, publicPem.trim()),
  ],
  [
    'HS256 signed with the public key in DER',
    'token-bad-signature',
    signRaw(HS256, good, rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('latin1')),
  ],
  ['an empty key', 'token-bad-signature', signRaw(HS256, good, '')],
  [
    'a signature by another key',
    'token-bad-signature',
    signRaw(HS256, good, 'another secret, which is just as long as ours'),
  ],
  [
    'an RS256 signature by another key',
    'token-bad-signature',
    jwt.sign(good, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, { algorithm: 'RS256' }),
  ],
  ['ES256 and an RSA key', 'token-wrong-algorithm', jwt.sign(good, ec.privateKey, { algorithm: 'ES256' })],
  ['PS256 and the right key', 'token-wrong-algorithm', jwt.sign(good, rsa.privateKey, { algorithm: 'PS256' })],
  ['a changed signature', 'token-bad-signature', flipped(sign(good))],
  [
    'a key in the header',
    'token-bad-signature',
    signRaw({ ...HS256, jwk: createPublicKey(publicPem).export({ format: 'jwk' }) }, good, 'x'),
  ],
  ['a critical extension', 'token-malformed', signRaw({ ...HS256, crit: ['b64'], b64: false }, good)],
  ['a key id that is not a string', 'token-malformed', signRaw({ ...HS256, kid: ['a'] }, good)],
  ['exp in the past', 'token-expired', sign({ ...good, exp: SECOND - 1 })],
  ['exp in the current second', 'token-expired', sign({ ...good, exp: SECOND })],
  ['no exp', 'token-malformed', sign({ sub: 'alice' })],
  ['exp as a string', 'token-malformed', signRaw(HS256, { ...good, exp: String(good.exp) })],
  ['exp null', 'token-malformed', signRaw(HS256, { ...good, exp: null })],
  ['an infinite exp', 'token-malformed', signRaw(HS256, `{"sub":"alice","exp":1e400}`)],
  ['exp beyond the largest Date', 'token-malformed', signRaw(HS256, { ...good, exp: 1e15 })],
  ['nbf in the future', 'token-not-yet-valid', sign({ ...good, nbf: SECOND + 10 })],
  ['nbf as a string', 'token-malformed', signRaw(HS256, { ...good, nbf: '0' })],
  ['exp in the year 3000', 'token-long-lived', sign({ ...good, exp: Date.UTC(3000) / 1000 })],
  ['exp beyond the longest lifetime', 'token-long-lived', sign({ ...good, exp: SECOND + 3_601 })],
  ['exp too long after iat', 'token-long-lived', signRaw(HS256, { ...good, iat: SECOND - 3_541 })],
  ['iat as a string', 'token-malformed', signRaw(HS256, { ...good, iat: String(SECOND) })],
  ['no sub', 'token-no-subject', sign({ exp: good.exp })],
  ['sub as an array', 'token-no-subject', signRaw(HS256, { ...good, sub: ['alice'] })],
  ['sub as an object', 'token-no-subject', signRaw(HS256, { ...good, sub: { toString: 'alice' } })],
  ['sub as a number', 'token-no-subject', signRaw(HS256, { ...good, sub: 7 })],
  ['sub that is too long', 'token-no-subject', sign({ ...good, sub: 'a'.repeat(256) })],
  ['sub with a lone surrogate', 'token-no-subject', signRaw(HS256, '{"sub":"\\ud800","exp":' + String(good.exp) + '}')],
  ['an empty sub', 'token-no-subject', sign({ ...good, sub: '' })],
  ['sid as an array', 'token-malformed', signRaw(HS256, { ...good, sid: ['a'] })],
  ['sid with a slash', 'token-malformed', sign({ ...good, sid: 'a/b' })],
  ['an empty sid', 'token-malformed', sign({ ...good, sid: '' })],
  ['sid null', 'token-malformed', signRaw(HS256, { ...good, sid: null })],
  ['sid that is too long', 'token-malformed', sign({ ...good, sid: 'a'.repeat(65) })],
  ['a length of 30 kB', 'token-too-long', sign({ ...good, more: 'a'.repeat(30_000) })],
  ['a string as payload', 'token-malformed', signRaw(HS256, '"alice"')],
  ['null as payload', 'token-malformed', signRaw(HS256, 'null')],
  ['an array as payload', 'token-malformed', signRaw(HS256, [good])],
  ['a payload that is not JSON', 'token-malformed', signRaw(HS256, '{')],
  ['a header that is not JSON', 'token-malformed', signRaw('{', good)],
])('rejects a token with %s: %s', async (_what, code, token) => {
  const refusal = { status: 401, error: 'unauthorized', code };
  await expect(tokensWith({ findKey: rsaKeys }).verify(token)).rejects.toMatchObject(refusal);
});

test.each([
  'auth0|5f7c8ec7c33c6c004bbafe82',
  'Alice',
  'alice ',
  '\u0430lice',
  '_design/x',
  'a/../bob',
  'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
  'a'.repeat(255),
])('accepts the subject %j unchanged', async (sub) => {
  const { username } = await tokensWith().verify(sign({ ...good, sub }));
  expect(decodeSubject(username)).toBe(sub);
});

test('a token of 24 kB is accepted', async () => {
  const token = sign({ ...good, groups: 'a'.repeat(18_000) });
  expect(token.length).toBeGreaterThan(24_000);
  await expect(tokensWith().verify(token)).resolves.toMatchObject({ username: 'alice' });
});

test('no reason contains a value of the token or of the configuration', async () => {
  const { verify } = tokensWith({ issuer: 'https://idp.example', audience: 'gate-7', usernameClaim: 'claim-7' });
  const whole = { exp: good.exp, iss: 'https://idp.example', aud: 'gate-7', 'claim-7': 'alice-7' };
  for (const change of [
    { iss: 'https://evil-7' },
    { aud: 'other-7' },
    { 'claim-7': 7_777 },
    { nbf: SECOND + 777 },
    { exp: 7 },
  ]) {
    const { message } = (await verify(sign({ ...whole, ...change })).catch((error: unknown) => error)) as Error;
    expect(message).not.toMatch(/idp|-7|7_?777/);
  }
});

test('exp and nbf are accepted within the leeway, and access ends after it', async () => {
  const { verify } = tokensWith({ leewaySeconds: 30 });
  await expect(verify(sign({ ...good, nbf: SECOND + 30 }))).resolves.toMatchObject({ expiresAt: NOW + 90_000 });
  await expect(verify(sign({ ...good, nbf: SECOND + 31 }))).rejects.toMatchObject({ code: 'token-not-yet-valid' });
  await expect(verify(sign({ ...good, exp: SECOND - 29 }))).resolves.toMatchObject({ expiresAt: NOW + 1_000 });
  await expect(verify(sign({ ...good, exp: SECOND - 30 }))).rejects.toMatchObject({ code: 'token-expired' });
});

test('nothing but the signature is reported about a forged token', async () => {
  const { verify } = tokensWith({ issuer: 'https://idp.example', audience: 'gate' });
  for (const claims of [{ exp: SECOND - 1 }, { nbf: SECOND + 99 }, { iss: 'x' }, { aud: 'x' }, { sub: '' }]) {
    const forged = signRaw(HS256, { ...good, ...claims }, 'another secret, which is just as long as ours');
    await expect(verify(forged)).rejects.toMatchObject({ code: 'token-bad-signature' });
  }
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
  for (const iss of [undefined, 'https://evil.example', 'https://idp.example/', ['https://idp.example']]) {
    await expect(verify(signRaw(HS256, { ...whole, iss }))).rejects.toMatchObject({ code: 'token-wrong-issuer' });
  }
  for (const aud of [undefined, 'other', 'gate ', ['other'], [['gate']], { gate: 'gate' }, []]) {
    await expect(verify(signRaw(HS256, { ...whole, aud }))).rejects.toMatchObject({ code: 'token-wrong-audience' });
  }
});

test('the audience is read only from the configured claim', async () => {
  const { verify } = tokensWith({ audience: 'client-1', audienceClaim: 'client_id' });
  await expect(verify(sign({ ...good, client_id: 'client-1' }))).resolves.toMatchObject({ username: 'alice' });
  await expect(verify(sign({ ...good, aud: 'client-1' }))).rejects.toMatchObject({ code: 'token-wrong-audience' });
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
    code: 'token-expired',
  });
});

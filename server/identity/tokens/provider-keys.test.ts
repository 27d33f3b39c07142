import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import jwt from 'jsonwebtoken';
import { listenOnFreePort } from '../../testing/test-identity.ts';
import { createKeyFinder } from './provider-keys.ts';
import { createTokens } from './tokens.ts';

const MINUTE_MS = 60_000;
const jwk = (key: KeyObject, kid: string, alg: string) => ({ ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' });
const first = generateKeyPairSync('rsa', { modulusLength: 2048 });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let server: Server;
let url: string;
let requestCount: number;
let response: { status: number; body: unknown; location?: string };
let now: number;
let failures: string[];
let weakKeys: number;

beforeEach(async () => {
  requestCount = 0;
  failures = [];
  weakKeys = 0;
  now = Date.parse('2026-11-22T12:00:00Z');
  response = { status: 200, body: { keys: [jwk(first.publicKey, 'first', 'RS256')] } };
  server = createServer((_req, res) => {
    requestCount += 1;
    res.writeHead(response.status, response.location === undefined ? {} : { location: response.location });
    res.end(JSON.stringify(response.body));
  });
  url = `http://127.0.0.1:${await listenOnFreePort(server)}/keys`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const verifier = () => {
  const findKey = createKeyFinder(
    { kind: 'jwks', url },
    { now: () => now, onFailure: (reason) => failures.push(reason), onWeakKeys: (count) => (weakKeys += count) },
  );
  const rest = { secrets: [], usernameClaim: 'sub', issuer: undefined, audience: undefined } as const;
  return createTokens({
    ...rest,
    audienceClaim: 'aud',
    leewaySeconds: 0,
    maxLifetimeSeconds: 86_400,
    findKey,
    now: () => now,
  }).verify;
};
const claims = () => ({ sub: 'alice', exp: now / 1000 + 86_400 });
const byFirst = (keyid = 'first'): string => jwt.sign(claims(), first.privateKey, { algorithm: 'RS256', keyid });
const bySecond = (): string => jwt.sign(claims(), second.privateKey, { algorithm: 'ES256', keyid: 'second' });

test('one fetch of the key set serves many tokens', async () => {
  const verify = verifier();
  await Promise.all([verify(byFirst()), verify(byFirst()), verify(byFirst())]);
  await expect(verify(byFirst())).resolves.toMatchObject({ username: 'alice' });
  expect(requestCount).toBe(1);
});

test('a new key of the provider is found, and a withdrawn key is rejected', async () => {
  const verify = verifier();
  await verify(byFirst());
  response = { status: 200, body: { keys: [jwk(second.publicKey, 'second', 'ES256')] } };
  now += MINUTE_MS;
  await expect(verify(bySecond())).resolves.toMatchObject({ username: 'alice' });
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 401 });
});

test('a new key is found after the clock was set back', async () => {
  const verify = verifier();
  await verify(byFirst());
  response = { status: 200, body: { keys: [jwk(second.publicKey, 'second', 'ES256')] } };
  now -= 2 * 86_400_000;
  await expect(verify(bySecond())).resolves.toMatchObject({ username: 'alice' });
});

test('made-up key ids cause one request to the provider, and do not affect valid tokens', async () => {
  const verify = verifier();
  await verify(byFirst());
  now += MINUTE_MS;
  for (let each = 0; each < 50; each += 1) {
    await expect(verify(byFirst(`made-up-${each}`))).rejects.toMatchObject({ status: 401, code: 'token-unknown-key' });
  }
  await expect(verify(byFirst())).resolves.toMatchObject({ username: 'alice' });
  expect(requestCount).toBe(2);
});

test('while the provider is down, unknown keys are 503 and known keys work for up to an hour', async () => {
  const verify = verifier();
  response = { status: 500, body: {} };
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
  response = { status: 200, body: { keys: [jwk(first.publicKey, 'first', 'RS256')] } };
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
  now += MINUTE_MS;
  await verify(byFirst());

  response = { status: 200, body: 'hello' };
  now += 30 * MINUTE_MS;
  await expect(verify(byFirst())).resolves.toMatchObject({ username: 'alice' });
  await expect(verify(bySecond())).rejects.toMatchObject({ status: 503 });
  now += 60 * MINUTE_MS;
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
});

test('an unreachable provider is 503', async () => {
  const verify = verifier();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
  expect(failures).toEqual(['ECONNREFUSED']);
});

test.each([
  ['status 404', 404, 'Not found'],
  ['status 500', 500, { keys: [] }],
  ['the response is not a key set', 200, { issuer: 'https://idp.example', jwks_uri: 'https://idp.example/keys' }],
  ['no key for signatures', 200, { keys: [] }],
])('reports once why the key set cannot be read: %s', async (reason, status, body) => {
  const verify = verifier();
  response = { status, body };
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
  await expect(verify(byFirst())).rejects.toMatchObject({ status: 503 });
  expect(failures).toEqual([reason]);
});

test('a redirect of the key set is not followed', async () => {
  response = { status: 302, body: {}, location: `${url}?elsewhere` };
  await expect(verifier()(byFirst())).rejects.toMatchObject({ status: 503 });
  expect([requestCount, failures]).toEqual([1, ['status 302']]);
});

test('a key is used only with the algorithm that it was published for', async () => {
  response = { status: 200, body: { keys: [jwk(first.publicKey, 'first', 'RS512')] } };
  await expect(verifier()(byFirst())).rejects.toMatchObject({ status: 401 });
});

test('a key that is published without an algorithm is used only with the one of its type', async () => {
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const keys = [
    jwk(first.publicKey, 'first', ''),
    jwk(second.publicKey, 'second', ''),
    jwk(curve.publicKey, 'third', ''),
  ];
  response = { status: 200, body: { keys: keys.map((each) => ({ ...each, alg: undefined })) } };
  const verify = verifier();
  await expect(verify(byFirst())).resolves.toMatchObject({ username: 'alice' });
  await expect(verify(bySecond())).resolves.toMatchObject({ username: 'alice' });
  const refusal = { status: 401, code: 'token-unknown-key' };
  await expect(verify(byFirst('second'))).rejects.toMatchObject(refusal);
  await expect(verify(byFirst('third'))).rejects.toMatchObject(refusal);
  const byCurve = jwt.sign(claims(), second.privateKey, { algorithm: 'ES256', keyid: 'third' });
  await expect(verify(byCurve)).rejects.toMatchObject(refusal);
});

test('a shared secret in the key set is not accepted as a key', async () => {
  const k = Buffer.from('a secret that a provider should never publish').toString('base64url');
  response = {
    status: 200,
    body: { keys: [{ kty: 'oct', k, kid: 'first', alg: 'HS256' }, jwk(second.publicKey, 'second', 'ES256')] },
  };
  const token = jwt.sign(claims(), Buffer.from(k, 'base64url'), { algorithm: 'HS256', keyid: 'first' });
  await expect(verifier()(token)).rejects.toMatchObject({ status: 401 });
});

test('accepts a token without a key id only if the set has exactly one key', async () => {
  const token = jwt.sign(claims(), first.privateKey, { algorithm: 'RS256' });
  await expect(verifier()(token)).resolves.toMatchObject({ username: 'alice' });
  response = { status: 200, body: { keys: [jwk(first.publicKey, 'a', 'RS256'), jwk(first.publicKey, 'b', 'RS256')] } };
  await expect(verifier()(token)).rejects.toMatchObject({ status: 401 });
});

test('an RSA key of fewer than 2,048 bits verifies nothing, and is reported', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  response = {
    status: 200,
    body: { keys: [jwk(weak.publicKey, 'weak', 'RS256'), jwk(first.publicKey, 'first', 'RS256')] },
  };
  const verify = verifier();
  const byWeak = jwt.sign(claims(), weak.privateKey, {
    algorithm: 'RS256',
    keyid: 'weak',
    allowInsecureKeySizes: true,
  });
  await expect(verify(byWeak)).rejects.toMatchObject({ status: 401, code: 'token-unknown-key' });
  await expect(verify(byFirst())).resolves.toMatchObject({ username: 'alice' });
  expect(weakKeys).toBe(1);
});

test('a key set of more than 1 MiB is not read to its end', async () => {
  let sent = 0;
  server.removeAllListeners('request');
  server.on('request', (_req, res) => {
    const chunk = ' '.repeat(65_536);
    const send = (): void => {
      while (!res.destroyed && sent < 200 * 1024 * 1024) {
        sent += chunk.length;
        if (!res.write(chunk)) return;
      }
      res.end('{"keys":[]}');
    };
    res.on('drain', send);
    send();
  });
  await expect(verifier()(byFirst())).rejects.toMatchObject({ status: 503 });
  expect(failures).toEqual(['the response is larger than 1 MiB']);
  // What the sockets of both sides hold is sent, but not read.
  expect(sent).toBeLessThan(20 * 1024 * 1024);
});

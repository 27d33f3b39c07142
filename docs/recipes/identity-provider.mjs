// Tokens of an identity provider: Auth0, Keycloak, or any other that signs JWTs and publishes its keys.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { startTestPouchgate } from 'pouchgate/testing';

// In place of the provider: its key, and where it publishes that.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' }] };
const provider = createServer((_req, res) =>
  res.setHeader('content-type', 'application/json').end(JSON.stringify(jwks)),
);
provider.listen(0, '127.0.0.1');
await once(provider, 'listening');
const issuer = `http://127.0.0.1:${provider.address().port}`;

// The gate's environment. For Auth0 the keys are at https://<tenant>/.well-known/jwks.json and the issuer is
// https://<tenant>/; for Keycloak https://<host>/realms/<realm>/protocol/openid-connect/certs and https://<host>/realms/<realm>.
const gate = await startTestPouchgate({
  JWKS_URL: `${issuer}/jwks.json`,
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: 'preferences',
  // Which claim is the username: it must be unique, never change, and be [a-z0-9][a-z0-9_.@+-]{0,63}.
  JWT_USERNAME_CLAIM: 'preferred_username',
});

const sign = (claims, options = {}) =>
  jwt.sign(claims, privateKey, {
    algorithm: 'RS256',
    keyid: 'key-1',
    expiresIn: '5m',
    issuer,
    audience: 'preferences',
    ...options,
  });
const profile = (token) => fetch(`${gate.url}/api/users/profile`, { headers: { authorization: `Bearer ${token}` } });

const good = await profile(sign({ sub: 'auth0|5f7c', preferred_username: 'alice' }));
assert.equal((await good.json()).username, 'alice');

assert.equal((await profile(sign({ sub: 'x' }))).status, 401); // no such claim
assert.equal((await profile(sign({ preferred_username: 'alice' }, { audience: 'another' }))).status, 401);
assert.equal((await profile(sign({ preferred_username: 'alice' }, { issuer: 'https://evil.example' }))).status, 401);
assert.equal((await profile(sign({ preferred_username: 'alice' }, { expiresIn: -1 }))).status, 401);

await gate.close();
provider.close();
provider.closeAllConnections();

// Tokens of an identity provider: Auth0, Keycloak, or any other that signs JWTs and publishes its keys as a JWKS.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { startTestPouchgate } from 'pouchgate/testing';

// Replace this by your provider: it has a key, and publishes the public half.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' }] };
const provider = createServer((_req, res) =>
  res.setHeader('content-type', 'application/json').end(JSON.stringify(jwks)),
);
provider.listen(0, '127.0.0.1');
await once(provider, 'listening');
const issuer = `http://127.0.0.1:${provider.address().port}`;

// The gate's environment. Auth0 publishes its keys at https://<tenant>/.well-known/jwks.json, and its issuer is
// https://<tenant>/. Keycloak: https://<host>/realms/<realm>/protocol/openid-connect/certs and https://<host>/realms/<realm>.
const gate = await startTestPouchgate({
  JWKS_URL: `${issuer}/jwks.json`,
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: 'preferences',
  // The claim that contains the username. It must be unique, never change, and match [a-z0-9][a-z0-9_.@+-]{0,63}.
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
const fetchProfile = (token) =>
  fetch(`${gate.url}/api/users/profile`, { headers: { authorization: `Bearer ${token}` } });

const response = await fetchProfile(sign({ sub: 'auth0|5f7c', preferred_username: 'alice' }));
assert.equal((await response.json()).username, 'alice');

assert.equal((await fetchProfile(sign({ sub: 'x' }))).status, 401); // without the claim
assert.equal((await fetchProfile(sign({ preferred_username: 'alice' }, { audience: 'other' }))).status, 401);
assert.equal(
  (await fetchProfile(sign({ preferred_username: 'alice' }, { issuer: 'https://evil.example' }))).status,
  401,
);
assert.equal((await fetchProfile(sign({ preferred_username: 'alice' }, { expiresIn: -1 }))).status, 401);

await gate.close();
provider.close();
provider.closeAllConnections();

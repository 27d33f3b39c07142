// Tokens of an identity provider that signs JWTs and publishes its keys as a JWKS. docs/providers has the settings for Auth0,
// Keycloak, Firebase, Microsoft Entra ID, Amazon Cognito and Supabase.
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

// The gate's environment.
const gate = await startTestPouchgate({
  JWKS_URL: `${issuer}/jwks.json`,
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: 'preferences',
  // The claim that names the user. It must be unique and never change, and may be any text of up to 255 characters.
  JWT_USERNAME_CLAIM: 'sub',
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

const response = await fetchProfile(sign({ sub: 'auth0|5f7c' }));
assert.equal((await response.json()).username, 'auth0|5f7c');

// A refused token gets a code, and a reason that says what to do.
const codeOf = async (token) => (await (await fetchProfile(token)).json()).code;
assert.equal(await codeOf(sign({})), 'token-no-subject');
assert.equal(await codeOf(sign({ sub: 'auth0|5f7c' }, { audience: 'other' })), 'token-wrong-audience');
assert.equal(await codeOf(sign({ sub: 'auth0|5f7c' }, { issuer: 'https://evil.example' })), 'token-wrong-issuer');
assert.equal(await codeOf(sign({ sub: 'auth0|5f7c' }, { expiresIn: -60 })), 'token-expired');

await gate.close();
provider.close();
provider.closeAllConnections();

import { createBearerAuthenticator } from './authenticate-bearer.ts';
import { createTokens } from '../tokens/tokens.ts';
import { TEST_SECRET } from '../../testing/test-identity.ts';
import { parseUsername, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { serviceUnavailable } from '../../http/errors.ts';

const username = parseUsername('alice');
if (username === undefined) throw new Error('alice is not a username');
const options = {
  secrets: [TEST_SECRET],
  findKey: undefined,
  usernameClaim: 'sub',
  issuer: undefined,
  audience: undefined,
  audienceClaim: 'aud',
  leewaySeconds: 0,
  maxLifetimeSeconds: 86_400,
} as const;
const tokens = createTokens({ ...options, now: Date.now });
const token = tokens.sign?.({ username, sessionId: 's', notAfter: Infinity }).token ?? '';
const authenticate = createBearerAuthenticator({
  verify: tokens.verify,
  accessMonitor: { assertActive: () => Promise.resolve() },
  idOf: userDocumentId,
});

test('a valid token yields the caller, with the id of their own document', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    await expect(authenticate({ authorization: [`${scheme} ${token}`] })).resolves.toEqual({
      username: 'alice',
      ownId: 'user_alice',
      sessionId: 's',
      expiresAt: expect.any(Number) as number,
    });
  }
});

test('a request without credentials is 401, without an error in the challenge', async () => {
  for (const headers of [
    {},
    { authorization: [] },
    { cookie: `authorization=Bearer ${token}` },
    { 'proxy-authorization': `Bearer ${token}` },
  ]) {
    await expect(authenticate(headers)).rejects.toMatchObject({
      status: 401,
      body: { error: 'unauthorized', code: 'token-missing' },
      headers: { 'WWW-Authenticate': 'Bearer' },
    });
  }
});

test('two headers and any other header are 401', async () => {
  const bearer = `Bearer ${token}`;
  const headers = [
    { authorization: [bearer, bearer] },
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: `Bearer\t${token}` },
    { authorization: `Bearer ${token}\n` },
    { authorization: ` ${bearer}` },
    { authorization: `${bearer},${bearer}` },
    { authorization: `Bearer "${token}"` },
    { authorization: `Token ${token}` },
  ];
  for (const each of headers) {
    await expect(authenticate(each)).rejects.toMatchObject({
      status: 401,
      body: { error: 'unauthorized', code: 'token-malformed' },
      headers: {
        'WWW-Authenticate': expect.stringMatching(/^Bearer error="invalid_token", error_description="/) as string,
      },
    });
  }
});

test('access that cannot be checked is a 503, not a 401', async () => {
  const unavailable = createBearerAuthenticator({
    verify: tokens.verify,
    accessMonitor: { assertActive: () => Promise.reject(serviceUnavailable('unavailable')) },
    idOf: userDocumentId,
  });
  await expect(unavailable({ authorization: `Bearer ${token}` })).rejects.toMatchObject({ status: 503 });
});

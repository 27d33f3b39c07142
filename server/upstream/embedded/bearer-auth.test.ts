import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { keyIdOf } from '../jwt-key-id.ts';
import { createBearerAuth } from './bearer-auth.ts';

/** The expected statuses and messages are those of CouchDB 3.4.3 for such tokens. */

const secret = randomBytes(32);
const authenticate = createBearerAuth((keyId) => (keyId === keyIdOf(secret) ? secret : undefined));
const soon = Math.floor(Date.now() / 1000) + 60;
const claims = { sub: 'alice', exp: soon, '_couchdb.roles': ['registry_user'] };

const sign = (payload: object, options: { key?: Buffer; kid?: string | undefined } = {}): string => {
  const { key = secret } = options;
  const keyid = 'kid' in options ? options.kid : keyIdOf(key);
  const header = keyid === undefined ? {} : { keyid };
  return `Bearer ${jwt.sign(payload, key, { algorithm: 'HS256', noTimestamp: true, ...header })}`;
};

it('returns the name and roles of a valid token', () => {
  expect(authenticate(sign(claims))).toEqual({ name: 'alice', roles: ['registry_user'] });
  expect(authenticate(sign({ sub: 'alice', exp: soon }))).toEqual({ name: 'alice', roles: [] });
});

it('returns undefined for another kind of header', () => {
  expect(authenticate('Basic YTpi')).toBeUndefined();
});

const unsigned = `Bearer ${jwt.sign(claims, '', { algorithm: 'none', keyid: keyIdOf(secret) })}`;

it.each([
  ['without a key id', sign(claims, { kid: undefined }), 400, 'Unknown kid'],
  ['of an unknown key', sign(claims, { key: randomBytes(32) }), 400, 'Unknown kid'],
  [
    'of another secret with a known key id',
    sign(claims, { key: randomBytes(32), kid: keyIdOf(secret) }),
    400,
    'Bad HMAC',
  ],
  ['without a signature', unsigned, 400, 'Bad HMAC'],
  ['that has expired', sign({ ...claims, exp: soon - 120 }), 401, 'exp not in future'],
  ['without an expiry', sign({ sub: 'alice' }), 400, 'Missing exp claim'],
  ['without a subject', sign({ exp: soon }), 401, 'Token missing sub claim.'],
  ['that is not a JWT', 'Bearer nonsense', 400, 'Unknown kid'],
])('rejects a token %s', (_, header, status, message) => {
  expect(() => authenticate(header)).toThrow(expect.objectContaining({ status, message }) as Error);
});

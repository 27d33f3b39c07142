import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { keyIdOf } from '../jwt-key-id.ts';
import { createBearerAuth } from './bearer-auth.ts';

/** Held against what CouchDB 3.4.3 answers to such tokens. */

const secret = randomBytes(32);
const authenticate = createBearerAuth((keyId) => (keyId === keyIdOf(secret) ? secret : undefined));
const soon = Math.floor(Date.now() / 1000) + 60;
const claims = { sub: 'alice', exp: soon, '_couchdb.roles': ['registry_user'] };

const sign = (told: object, options: { key?: Buffer; kid?: string | undefined } = {}): string => {
  const { key = secret } = options;
  const keyid = 'kid' in options ? options.kid : keyIdOf(key);
  const header = keyid === undefined ? {} : { keyid };
  return `Bearer ${jwt.sign(told, key, { algorithm: 'HS256', noTimestamp: true, ...header })}`;
};

it('a token of the key is whom it names, with the roles that it names', () => {
  expect(authenticate(sign(claims))).toEqual({ name: 'alice', roles: ['registry_user'] });
  expect(authenticate(sign({ sub: 'alice', exp: soon }))).toEqual({ name: 'alice', roles: [] });
});

it('another kind of header is none of its business', () => {
  expect(authenticate('Basic YTpi')).toBeUndefined();
});

const unsigned = `Bearer ${jwt.sign(claims, '', { algorithm: 'none', keyid: keyIdOf(secret) })}`;

it.each([
  ['of no key', sign(claims, { kid: undefined }), 400, 'Unknown kid'],
  ['of a key that is not there', sign(claims, { key: randomBytes(32) }), 400, 'Unknown kid'],
  ['of another secret under this name', sign(claims, { key: randomBytes(32), kid: keyIdOf(secret) }), 400, 'Bad HMAC'],
  ['without a signature', unsigned, 400, 'Bad HMAC'],
  ['that is over', sign({ ...claims, exp: soon - 120 }), 401, 'exp not in future'],
  ['without an end', sign({ sub: 'alice' }), 400, 'Missing exp claim'],
  ['without a name', sign({ exp: soon }), 401, 'Token missing sub claim.'],
  ['that is none', 'Bearer nonsense', 400, 'Unknown kid'],
])('a token %s is refused', (_, header, status, message) => {
  expect(() => authenticate(header)).toThrow(expect.objectContaining({ status, message }) as Error);
});

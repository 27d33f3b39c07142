import jwt from 'jsonwebtoken';
import { upstreamAuthorization } from './authorization.ts';
import { toUsername } from '../../couchdb-design/testing/arbitraries.ts';

const access = { url: 'http://127.0.0.1:5984', username: 'gate', password: 'pw' };
const alice = toUsername('alice');

it('authorizes as the service account without a JWT secret', () => {
  expect(upstreamAuthorization(access, undefined, Date.now)(alice)).toBe(
    `Basic ${Buffer.from('gate:pw').toString('base64')}`,
  );
});

it('signs a token of the user, reuses it for 240 s, and replaces it before it expires', () => {
  const secret = Buffer.alloc(32, 7);
  let nowMs = 1_800_000_000_000;
  const authorizationFor = upstreamAuthorization(access, secret, () => nowMs);
  const expiryOf = (header: string): unknown => {
    const claims = jwt.verify(header.slice('Bearer '.length), secret, { clockTimestamp: nowMs / 1000 });
    expect(claims).toMatchObject({ sub: 'alice', '_couchdb.roles': ['registry_user'] });
    return (claims as jwt.JwtPayload).exp;
  };
  const first = authorizationFor(alice);
  expect(expiryOf(first)).toBe(nowMs / 1000 + 300);
  nowMs += 240_000;
  expect(authorizationFor(alice)).toBe(first);
  nowMs += 1_000;
  expect(expiryOf(authorizationFor(alice))).toBe(nowMs / 1000 + 300);
});

import jwt from 'jsonwebtoken';
import { forgeTokens } from './forge-tokens.ts';
import { claimsOf } from './users/claims.ts';

const SECRET = 'a secret that nobody guesses, of sufficient length';
const tokenOf = (sub: string): string => jwt.sign({ sub, exp: 2_000_000_000 }, SECRET, { noTimestamp: true });

test('no forged token is valid', () => {
  const tokens = forgeTokens(tokenOf('alice'), tokenOf('bob'), 1_800_000_000);
  expect(tokens.length).toBeGreaterThan(15);
  for (const { token } of tokens) expect(() => jwt.verify(token, SECRET, { algorithms: ['HS256'] })).toThrow();
});

test('a server that does not verify signatures accepts tokens of the other user', () => {
  const forged = forgeTokens(tokenOf('alice'), tokenOf('bob'), 1_800_000_000);
  expect(forged.map(({ token }) => claimsOf(token)['sub'])).toContain('bob');
});

test('tokens that are not JWTs are damaged only', () => {
  expect(forgeTokens('opaque', 'other', 0).every(({ token }) => !token.includes('.'))).toBe(true);
});

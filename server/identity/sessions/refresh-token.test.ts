import fc from 'fast-check';
import { createRefreshTokens } from './refresh-token.ts';

const tokens = createRefreshTokens(['a secret for tests, and for nothing else at all']);
const parts = fc.record({
  sessionId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  generation: fc.integer({ min: 1, max: 999_999_999 }),
});

test('an issued token verifies', () => {
  fc.assert(
    fc.property(parts, (each) => expect(tokens.verify(tokens.issue(each))).toEqual({ ...each, isFormer: false })),
  );
});

test('a token with any changed character does not verify', () => {
  fc.assert(
    fc.property(parts, fc.nat(), fc.stringMatching(/^[aZ09_.= %-]$/), (each, position, character) => {
      const token = tokens.issue(each);
      const index = position % token.length;
      const changed = token.slice(0, index) + character + token.slice(index + 1);
      fc.pre(changed !== token);
      expect(tokens.verify(changed)).toBeUndefined();
    }),
  );
});

test('a token of another secret, and a truncated, extended or made-up token, do not verify', () => {
  const each = { sessionId: 's', generation: 1 };
  const token = tokens.issue(each);
  const foreign = createRefreshTokens(['another secret, which is just as long as ours']).issue(each);
  for (const text of [
    foreign,
    token.slice(0, -1),
    `${token}A`,
    `${token}\n`,
    ` ${token}`,
    '',
    '..',
    's.1.',
    's.01.x',
    's.1',
  ]) {
    expect(tokens.verify(text)).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (text) => expect(tokens.verify(text)).toBeUndefined()));
});

test('tokens of every accepted secret verify, the first secret signs, and tokens of a withdrawn secret do not verify', () => {
  const [old, next] = [
    'the secret that was used until now, for tests',
    'the secret that is used from now on, for tests',
  ];
  fc.assert(
    fc.property(parts, (each) => {
      const rotating = createRefreshTokens([next, old]);
      expect(rotating.verify(createRefreshTokens([old]).issue(each))).toEqual({ ...each, isFormer: false });
      expect(createRefreshTokens([next]).verify(rotating.issue(each))).toEqual({ ...each, isFormer: false });
      expect(createRefreshTokens([old]).verify(rotating.issue(each))).toBeUndefined();
    }),
  );
});

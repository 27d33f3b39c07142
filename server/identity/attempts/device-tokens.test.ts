import fc from 'fast-check';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { createDeviceTokens } from './device-tokens.ts';

const SECRET = 'a secret for tests, and for nothing else at all';
const tokens = createDeviceTokens([SECRET]);
const usernames = fc
  .stringMatching(/^[a-z0-9][a-z0-9_.@+-]{0,20}$/)
  .map((text) => parseUsername(text))
  .filter((username): username is Username => username !== undefined);

test('a device is known to the users who have signed in on it, and to no others', () => {
  fc.assert(
    fc.property(fc.uniqueArray(usernames, { minLength: 2, maxLength: 6 }), ([stranger, ...users]) => {
      if (stranger === undefined) return;
      let token: string | undefined;
      for (const each of users) token = tokens.issue(token, each);
      const ids = users.map((each) => tokens.verify(token, each));
      expect(new Set(ids).size).toBe(1);
      expect(ids[0]).toBeDefined();
      expect(tokens.verify(token, stranger)).toBeUndefined();
    }),
  );
});

test('a token is bounded, and contains no name', () => {
  let token: string | undefined;
  for (let n = 0; n < 20; n += 1) token = tokens.issue(token, parseUsername(`secret-name-${n}`) as Username);
  expect(token).toMatch(/^[A-Za-z0-9_.-]{1,138}$/);
  expect(token).not.toContain('secret');
  expect(tokens.verify(token, parseUsername('secret-name-19') as Username)).toBeDefined();
  expect(tokens.verify(token, parseUsername('secret-name-0') as Username)).toBeUndefined();
});

test('a changed token, one of another secret and any other text prove nothing', () => {
  const foreign = createDeviceTokens(['another secret, which is just as long as ours']);
  fc.assert(
    fc.property(
      usernames,
      fc.nat(),
      fc.stringMatching(/^[aZ09_.= %-]$/),
      fc.string(),
      (user, position, character, text) => {
        const token = tokens.issue(undefined, user);
        const index = position % token.length;
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        fc.pre(changed !== token);
        for (const each of [changed, foreign.issue(undefined, user), text, undefined]) {
          expect(tokens.verify(each, user)).toBeUndefined();
        }
      },
    ),
  );
});

test('while a secret is replaced, devices stay known', () => {
  fc.assert(
    fc.property(usernames, (user) => {
      const next = createDeviceTokens(['the secret that is used from now on, for tests', SECRET]);
      const token = tokens.issue(undefined, user);
      expect(next.verify(token, user)).toBeDefined();
      expect(next.verify(next.issue(token, user), user)).toBe(tokens.verify(token, user));
    }),
  );
});

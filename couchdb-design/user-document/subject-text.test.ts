import fc from 'fast-check';
import { anyAccountName, anySubject, usernameOf } from '../testing/arbitraries.ts';
import { formatSubject, parseFormattedSubject } from './subject-text.ts';

test('a subject as it is shown selects the same user when it is typed', () => {
  const anyText = fc.oneof(
    anySubject,
    fc
      .array(fc.constantFrom('\\', 'u', '{', '7', '}', '\u0007', '\u202e', ' ', '\\u{7}'), { minLength: 1 })
      .map((all) => all.join('')),
  );
  fc.assert(
    fc.property(anyText, (subject) => {
      const username = usernameOf(subject);
      const shown = formatSubject(username);
      expect(shown).not.toMatch(/\p{C}|^\s|\s$/u);
      expect(parseFormattedSubject(shown)).toBe(username);
    }),
    { numRuns: 1_000 },
  );
});

test('the name of an account is shown as it is', () => {
  fc.assert(fc.property(anyAccountName, (name) => formatSubject(name) === String(name)));
});

test.each([
  ['auth0|5f7c', 'auth0|5f7c'],
  ['Alice Smith', 'Alice Smith'],
  ['DOMAIN\\user', 'DOMAIN\\user'],
  ['alice ', 'alice\\u{20}'],
  ['a\u001b[2Jb', 'a\\u{1b}[2Jb'],
  ['a\u202eb', 'a\\u{202e}b'],
  ['a\u00a0b', 'a\\u{a0}b'],
  ['\\u{7}', '\\u{5c}u{7}'],
])('%j is shown as %j', (subject, shown) => {
  expect(formatSubject(usernameOf(subject))).toBe(shown);
});

test('text that is no subject is not parsed', () => {
  for (const text of ['', '\\u{d800}', 'a'.repeat(256)]) expect(parseFormattedSubject(text)).toBeUndefined();
  expect(parseFormattedSubject('\\u{110000}')).toBe(usernameOf('\\u{110000}'));
});

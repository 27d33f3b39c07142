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
  ['alice\u3164', 'alice\\u{3164}'],
  ['alice\ufe0f', 'alice\\u{fe0f}'],
  ['alice\u2800', 'alice\\u{2800}'],
  ['alice  suspended', 'alice\\u{20} suspended'],
])('%j is shown as %j', (subject, shown) => {
  expect(formatSubject(usernameOf(subject))).toBe(shown);
});

test('text that is no subject is not parsed', () => {
  for (const text of ['', '\\u{d800}', 'a'.repeat(256)]) expect(parseFormattedSubject(text)).toBeUndefined();
});

test('a text in the shape of an escape sequence does not select another user', () => {
  for (const text of [
    '\\u{61}lice',
    '\\u{0061}lice',
    'a\\u{6c}ice',
    '\\u{5C}u{61}',
    '\\u{110000}',
    '\\u{',
    '\u0007\\u{7}',
  ]) {
    expect(parseFormattedSubject(text)).toBeUndefined();
    const subject = usernameOf(text);
    expect(parseFormattedSubject(formatSubject(subject))).toBe(subject);
  }
});

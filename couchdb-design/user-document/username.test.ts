import fc from 'fast-check';
import { anyUsername } from '../testing/arbitraries.ts';
import { parseUsername, userDocumentId } from './username.ts';

test('accepts a valid username unchanged', () => {
  fc.assert(fc.property(anyUsername, (name) => parseUsername(String(name)) === name));
});

test('never changes an accepted value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.anything()), (value) => {
      const parsed = parseUsername(value);
      return parsed === undefined || parsed === value;
    }),
  );
});

test('different usernames have different document ids', () => {
  fc.assert(fc.property(anyUsername, anyUsername, (a, b) => (userDocumentId(a) === userDocumentId(b)) === (a === b)));
});

test.each([
  '',
  'Alice',
  'ALICE',
  ' alice',
  'alice ',
  'alice\n',
  'al/ice',
  'al%2fice',
  'al:ice',
  'al?ice',
  'al#ice',
  'al\u0000ice',
  'älice',
  'аlice', // with a Cyrillic first letter
  '_design',
  '.',
  '..',
  '-rf',
  '@alice',
  'a'.repeat(65),
])('%j is not a username', (value) => {
  expect(parseUsername(value)).toBeUndefined();
});

test.each([undefined, null, 1, true, ['alice'], { toString: () => 'alice' }, new String('alice')])(
  'a value that is not a string is not a username: %p',
  (value) => {
    expect(parseUsername(value)).toBeUndefined();
  },
);

test.each(['alice', '0', 'a.b_c@d+e-f', 'a'.repeat(64)])('%j is a username', (value) => {
  expect(parseUsername(value)).toBe(value);
});

import fc from 'fast-check';
import { anyAccountName, anySubject, MAX_SUBJECT_LENGTH, usernameOf } from '../testing/arbitraries.ts';
import { decodeSubject, encodeSubject, parseStoredUsername, parseUsername, userDocumentId } from './username.ts';

test('accepts a valid name of an account unchanged', () => {
  fc.assert(fc.property(anyAccountName, (name) => parseUsername(String(name)) === name));
});

test('every account name is its own encoding, so existing users keep their ids', () => {
  fc.assert(fc.property(anyAccountName, (name) => encodeSubject(String(name)) === name));
});

test('never changes an accepted value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.anything()), (value) => {
      const parsed = parseUsername(value);
      return parsed === undefined || parsed === value;
    }),
  );
});

/** Two subjects that are often equal, or differ only by case, normalisation or the encoding itself. */
const twoSubjects = fc.oneof(
  fc.tuple(anySubject, anySubject),
  anySubject.chain((subject) =>
    fc.tuple(
      fc.constant(subject),
      fc
        .constantFrom(
          subject,
          subject.toUpperCase(),
          subject.normalize('NFKD'),
          subject.trim(),
          String(usernameOf(subject)),
        )
        .filter((other) => encodeSubject(other) !== undefined),
    ),
  ),
);

test('two subjects have the same document id only if they are the same text', () => {
  fc.assert(
    fc.property(twoSubjects, ([a, b]) => {
      expect(userDocumentId(usernameOf(a)) === userDocumentId(usernameOf(b))).toBe(a === b);
    }),
    { numRuns: 1_000 },
  );
});

test('a subject is restored from its encoding, which fits into paths, headers and ids', () => {
  fc.assert(
    fc.property(anySubject, (subject) => {
      const username = usernameOf(subject);
      expect(decodeSubject(username)).toBe(subject);
      expect(parseStoredUsername(username)).toBe(username);
      expect(username).toMatch(/^[a-z0-9_.@+=A-F-]{1,3060}$/);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['alice', 'alice'],
  ['auth0|5f7c8ec7c33c6c004bbafe82', 'auth0=7C5f7c8ec7c33c6c004bbafe82'],
  ['A', '=41'],
  ['=', '=3D'],
  ['_x', '_x'],
  ['-rf', '-rf'],
  ['ä', '=C3=A4'],
  ['a\u0308', 'a=CC=88'],
  ['\u0000', '=00'],
  ['😀', '=F0=9F=98=80'],
  ['a'.repeat(MAX_SUBJECT_LENGTH), 'a'.repeat(MAX_SUBJECT_LENGTH)],
  ['😀'.repeat(MAX_SUBJECT_LENGTH), '=F0=9F=98=80'.repeat(MAX_SUBJECT_LENGTH)],
])('%j is encoded as %j', (subject, username) => {
  expect(encodeSubject(subject)).toBe(username);
});

test.each([
  '',
  'a'.repeat(MAX_SUBJECT_LENGTH + 1),
  '\ud800',
  'a\udc00b',
  '\udc00\ud800',
  undefined,
  null,
  7,
  ['alice'],
])('%j is not a subject', (value) => {
  expect(encodeSubject(value)).toBeUndefined();
});

test.each([
  ['an escaped character that stands for itself', '=61'],
  ['lower-case digits', '=7c'],
  ['an incomplete escape', 'a=4'],
  ['a literal upper-case letter', 'A'],
  ['a colon', 'a:b'],
  ['a line break', 'alice\n'],
  ['an incomplete sequence', '=C3'],
  ['a sequence without its first byte', '=A4'],
  ['an overlong sequence', '=C1=81'],
  ['a surrogate', '=ED=A0=80'],
  ['a code point beyond Unicode', '=F4=90=80=80'],
  ['no text', ''],
  ['too much text', 'a'.repeat(MAX_SUBJECT_LENGTH + 1)],
  ['a percent-encoded character', '%41'],
])('a stored name with %s is not a username', (_what, value) => {
  expect(parseStoredUsername(value)).toBeUndefined();
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

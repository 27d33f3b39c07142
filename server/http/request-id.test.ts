import fc from 'fast-check';
import { parseRequestId } from './request-id.ts';

test.each([
  '5f0c9cf6-5b3b-4d53-9a3c-0f9a1b7d2c11',
  '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  'Root=1-67891233-abcdef012345678912345678',
  'a/b+c==',
  'x'.repeat(128),
])('%s is an id', (value) => {
  expect(parseRequestId(value)).toBe(value);
});

test.each([
  ['nothing', undefined],
  ['an empty text', ''],
  ['129 characters', 'x'.repeat(129)],
  ['two headers, as Node joins them', 'a, b'],
  ['a line break', 'a\r\nSet-Cookie: x=1'],
  ['a line feed at the end', 'a\n'],
  ['a tab', 'a\tb'],
  ['an escape sequence of a terminal', '\u001b[31m'],
  ['markup', '<script>'],
  ['quotation marks', '"a"'],
  ['another alphabet', 'й'],
  ['a list of headers', ['a', 'b']],
])('%s is not an id', (_name, value) => {
  expect(parseRequestId(value)).toBeUndefined();
});

test('an accepted id has no other characters than those of the set', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (value) => {
      const id = parseRequestId(value);
      if (id !== undefined) expect(id).toMatch(/^[\w.:/+=-]{1,128}$/);
    }),
    { numRuns: 2_000 },
  );
});

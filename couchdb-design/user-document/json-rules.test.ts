import fc from 'fast-check';
import { exceedsDepth, findJsonViolation, formatViolation, MAX_VALUE_DEPTH } from './json-rules.ts';
import { looksSecret } from './secret-fields.ts';

const nest = (levels: number, inner: unknown = 1): unknown => (levels === 0 ? inner : nest(levels - 1, [inner]));

const namesIn = (value: unknown): readonly string[] =>
  typeof value !== 'object' || value === null
    ? []
    : [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(namesIn)];

const isIncluded = (name: string): boolean => name !== '__proto__' && !looksSecret(name);

test('accepts every JSON value of at most 16 levels without secret names, which JSON returns unchanged', () => {
  fc.assert(
    // Parsed from text, because JSON has no negative zero.
    fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), (text) => {
      const value: unknown = JSON.parse(text);
      const isAccepted = namesIn(value).every(isIncluded);
      expect(findJsonViolation(value) === undefined).toBe(isAccepted);
      if (isAccepted) expect(JSON.parse(JSON.stringify(value))).toEqual(value);
    }),
  );
});

test('what is accepted is equal after JSON.stringify and JSON.parse, for any JavaScript value', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withSparseArray: true,
        withTypedArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        if (findJsonViolation(value) === undefined) {
          expect(JSON.stringify(JSON.parse(JSON.stringify(value)))).toBe(JSON.stringify(value));
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

test.each<[string, unknown, readonly string[], RegExp]>([
  ['a lone surrogate', ['a', 'b\ud800'], ['1'], /unpaired surrogate/],
  ['a lone surrogate in a name', { 'a\udc00': 1 }, ['a\udc00'], /not an accepted name/],
  ['infinity, as from 1e400', { a: JSON.parse('1e400') as unknown }, ['a'], /finite number/],
  ['not a number', NaN, [], /finite number/],
  ['undefined', undefined, [], /JSON value/],
  ['an undefined member', { a: undefined }, ['a'], /JSON value/],
  ['a hole in a list', { a: new Array(2) }, ['a', '0'], /JSON value/],
  ['a date', [new Date(0)], ['0'], /JSON value/],
  ['a big integer', 1n, [], /JSON value/],
  ['a map', new Map(), [], /JSON value/],
  ['a function', { toJSON: () => 1 }, ['toJSON'], /JSON value/],
  [
    'an object of a class',
    new (class Point {
      x = 1;
    })(),
    [],
    /JSON value/,
  ],
  ['a __proto__ member', JSON.parse('{"a":{"__proto__":1}}'), ['a', '__proto__'], /not an accepted name/],
  ['a password', { any: [{ password: 'x' }] }, ['any', '0', 'password'], /looks like a secret/],
  ['17 levels', nest(17), Array.from({ length: 16 }, () => '0'), /more than 16 levels/],
  ['5,000 levels', nest(5_000), Array.from({ length: 16 }, () => '0'), /more than 16 levels/],
  ['a cycle', cyclic, Array.from({ length: 16 }, () => 'self'), /more than 16 levels/],
])('rejects %s with its path', (_name, value, path, message) => {
  expect(findJsonViolation(value, ['key'])).toEqual({
    path: ['key', ...path],
    message: expect.stringMatching(message) as string,
  });
});

test('accepts astral characters, control characters, empty names, and 16 levels', () => {
  for (const value of ['😀', '\u0000', '\ufffd', { '': null }, { constructor: 1, toString: [] }, -0, 1e300, nest(16)]) {
    expect(findJsonViolation(value)).toBeUndefined();
  }
  const large = Array.from({ length: 30_000 }, (_, n) => n);
  expect(findJsonViolation(large)).toBeUndefined();
});

test('the depth is counted alike, without recursion', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.nat(40), (levels, limit) => {
      expect(exceedsDepth(nest(levels), limit)).toBe(levels > limit);
    }),
  );
  expect(exceedsDepth(nest(5_000), MAX_VALUE_DEPTH)).toBe(true);
  expect(exceedsDepth(cyclic, 100)).toBe(true);
});

test('a violation is formatted as a sentence that starts with the member', () => {
  expect(formatViolation({ path: ['a', 'b'], message: 'must be true or false' })).toBe('a.b must be true or false');
  expect(formatViolation({ path: [], message: 'is too large' })).toBe('The document is too large');
});

import fc from 'fast-check';
import { canonicalCopy, canonicalJson } from './canonical-json.ts';

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]): [string, unknown] => [key, shuffled(member)]),
  );
};

test('the text does not depend on the order of members', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => canonicalJson(shuffled(value)) === canonicalJson(value)));
});

test('parsing the text returns the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('different values have different texts', () => {
  expect(canonicalJson({ a: '1' })).not.toBe(canonicalJson({ a: 1 }));
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  expect(canonicalJson({ a: { b: 1 } })).not.toBe(canonicalJson({ a: {}, b: 1 }));
});

test('members are sorted by code units, without whitespace', () => {
  expect(canonicalJson({ b: [1, { z: null, Z: true }], a: 'x', ä: 0, unset: undefined })).toBe(
    '{"a":"x","b":[1,{"Z":true,"z":null}],"ä":0}',
  );
});

test('a member named __proto__ stays a member and changes no prototype', () => {
  const value: unknown = JSON.parse('{"b":1,"__proto__":{"admin":true}}');
  const copy = canonicalCopy(value) as object;
  expect(canonicalJson(value)).toBe('{"__proto__":{"admin":true},"b":1}');
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect('admin' in copy).toBe(false);
});

test('a copy shares nothing with its original', () => {
  const value = { list: [{ name: 'a' }] };
  const copy = canonicalCopy(value);
  expect(copy).toEqual(value);
  expect(copy.list).not.toBe(value.list);
  expect(copy.list[0]).not.toBe(value.list[0]);
});

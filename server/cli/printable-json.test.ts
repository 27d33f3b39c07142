import fc from 'fast-check';
import { printableJson } from './printable-json.ts';

test('any value is the same JSON value, without characters that control a terminal', () => {
  const any = fc.jsonValue({ noUnicodeString: false });
  fc.assert(
    fc.property(fc.oneof(any, fc.string({ unit: 'binary' })), (value) => {
      const text = printableJson(value);
      expect(text).not.toMatch(/[^\P{C}\n]/u);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test.each([
  ['a\u009b2J', '"a\\u009b2J"'],
  ['a\u202eb', '"a\\u202eb"'],
  ['\u{e0001}', '"\\udb40\\udc01"'],
  ['\u00e4', '"\u00e4"'],
])('%j is %s', (value, text) => {
  expect(printableJson(value)).toBe(text);
});

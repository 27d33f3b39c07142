import fc from 'fast-check';
import { printableText } from './printable-text.ts';

test.each([
  ['a\u009b2J', 'a\\u009b2J'],
  ['a\u202eb\u2066', 'a\\u202eb\\u2066'],
  ['\u{e0001}', '\\udb40\\udc01'],
  ['\ud800', '\\ud800'],
  ['\u001b[31m\r\u007f\t', '\\u001b[31m\\u000d\\u007f\\u0009'],
  ['ä 日本 👍\n', 'ä 日本 👍\n'],
])('%j is printed as %j', (text, expected) => {
  expect(printableText(text)).toBe(expected);
});

test('no text contains an unprintable character afterwards, and JSON is the same value', () => {
  const any = fc.oneof(fc.jsonValue({ noUnicodeString: false }), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(any, (value) => {
      const json = JSON.stringify(value, null, 2);
      expect(printableText(json)).not.toMatch(/[^\P{C}\n]/u);
      expect(JSON.parse(printableText(json))).toEqual(JSON.parse(json));
    }),
  );
});

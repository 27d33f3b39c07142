import fc from 'fast-check';
import { escapeControlCharacters, formatTable } from './table.ts';

test('escapes text that could move the cursor, recolour the screen or reverse a line', () => {
  expect(escapeControlCharacters('\u001b[31mred\u001b[0m\u202Eevil\r\n\u009b2J')).toBe(
    '\\u{1b}[31mred\\u{1b}[0m\\u{202e}evil\\u{d}\\u{a}\\u{9b}2J',
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/\p{C}/u.test(escapeControlCharacters(text))));
  expect(escapeControlCharacters('日本 ä "x"')).toBe('日本 ä "x"');
});

test('aligns columns, and truncates long cells except the first of a row', () => {
  expect(
    formatTable(
      ['NAME', 'STATE'],
      [
        ['alice', 'active'],
        ['b', 'x'.repeat(80)],
      ],
    ),
  ).toEqual(['NAME   STATE', 'alice  active', `b      ${'x'.repeat(59)}…`]);
});

import { alignedTable, markdownTable } from './tables.ts';

it('aligns columns, with figures to the right', () => {
  expect(
    alignedTable([
      ['name', 'n'],
      ['a', '1,000'],
      ['longer', '7'],
    ]),
  ).toBe(['name        n', 'a       1,000', 'longer      7'].join('\n'));
});

it('formats every row of a Markdown table with the same cells and width', () => {
  const lines = markdownTable([
    ['a', 'b'],
    ['long cell', '1'],
  ]).split('\n');
  expect(new Set(lines.map((line) => line.split('|').length))).toEqual(new Set([4]));
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

it('aligns texts left', () => {
  const rows = [
    ['', 'Firefox'],
    ['sign in', 'ok'],
  ];
  expect(alignedTable(rows, 'texts')).toBe(['         Firefox', 'sign in  ok'].join('\n'));
  expect(markdownTable(rows, 'texts')).toBe(
    ['|         | Firefox |', '| ------- | ------- |', '| sign in | ok      |'].join('\n'),
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeReason, REASONS, type StatusReason } from './reasons.ts';

/** The rows of the table in docs/client.md, by the code in their first column. */
const table = readFileSync(join(import.meta.dirname, '../docs/client.md'), 'utf8');
const rows = new Map(
  [...table.matchAll(/^\| `([a-z-]+)` +\| (?:any|`offline`|`sign-in-needed`) .*$/gm)].map(
    ([row, code]) => [code as StatusReason, row] as const,
  ),
);

test('docs/client.md describes every reason, with its sentence', () => {
  expect([...rows.keys()].toSorted()).toEqual(REASONS.toSorted());
  for (const [reason, row] of rows) expect(row).toContain(` ${describeReason(reason)} `);
});

test('a sentence says what is wrong, and then what to do', () => {
  for (const reason of REASONS.filter((each) => !/^(locks|channel|database|storage)-unavailable$/.test(each))) {
    expect(describeReason(reason)).toMatch(/^[A-Z‘g][^.]*: [a-z][^.]*(\([^)]*\))?\.$/);
  }
});

import fc from 'fast-check';
import { parseJson } from '../../lib/json.ts';
import { runAtOnce } from '../../lib/time-slices.ts';
import { MAX_BATCH_BYTES, MAX_HONEST_ROW_BYTES, ROW_LIMITS } from '../request/body-limits.ts';
import { parseBulkDocs } from './bulk-docs.ts';
import { parseReplicatedRow, parseRows, UnreadRow } from './parse-row.ts';
import { decideRows } from './decide-rows.ts';
import { emptyDocument, hex, revision, rules, schema, treeOf } from './testing/tree-model.ts';

const { maxBytes, maxDepth, maxValues } = ROW_LIMITS;

interface Batch {
  readonly rows: readonly unknown[];
  readonly newEdits: boolean;
}
const split = (text: string): Batch => {
  const { rows, newEdits } = parseBulkDocs(new TextEncoder().encode(text));
  return { rows: [...rows], newEdits };
};
const reasonOf = (row: unknown): string | undefined => (row instanceof UnreadRow ? row.reason : undefined);
const throwsStatus = (status: number): Error => expect.objectContaining({ status }) as Error;

it('the rows and `new_edits` are those of JSON.parse, for any batch and any white space', () => {
  const batch = fc.record({
    docs: fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 5 }),
    others: fc.dictionary(fc.string(), fc.constantFrom(1, '[', ['docs'], { docs: [1] }, null), { maxKeys: 3 }),
    newEdits: fc.constantFrom(undefined, true, false, 'false'),
    isFirst: fc.boolean(),
  });
  fc.assert(
    fc.property(batch, fc.constantFrom(undefined, ' ', '\n\t'), ({ docs, others, newEdits, isFirst }, indent) => {
      const value = isFirst ? { docs, ...others, new_edits: newEdits } : { ...others, new_edits: newEdits, docs };
      fc.pre(!Object.hasOwn(others, 'docs') && !Object.hasOwn(others, 'new_edits'));
      const text = JSON.stringify(value, undefined, indent);
      const parsed = JSON.parse(text) as { docs: unknown[]; new_edits?: unknown };
      expect(split(text)).toEqual({ rows: parsed.docs, newEdits: parsed.new_edits !== false });
    }),
    { numRuns: 1_000 },
  );
});

it('a text that JSON.parse rejects is 400', () => {
  const alphabet = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"docs"',
    '"a"',
    '1',
    ' ',
    '{"docs":[',
    '{"docs":[1,',
    ']}',
  );
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const parsed = parseJson(text);
      const isBatch = Array.isArray((parsed as { docs?: unknown } | undefined)?.docs);
      if (isBatch && text.split('"docs"').length === 2)
        expect(split(text).rows).toHaveLength((parsed as { docs: [] }).docs.length);
      else if (!isBatch) expect(() => split(text)).toThrow(throwsStatus(400));
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  '',
  '[]',
  '{}',
  '{"docs":{}}',
  '{"docs":[],"docs":[]}',
  '{"a":{"docs":[]}}',
  '{"docs":[{}]',
  '{"docs":[{}]}}',
  '{"docs":[{},]}',
  '{"docs":[,]}',
  '{"docs":[{]}',
  '{"docs":[}',
  '\ufeff{"docs":[]}',
])('%j is no batch: 400', (text) => {
  expect(() => split(text)).toThrow(throwsStatus(400));
});

it('a batch that no client sends is 413: 10,001 rows, or other members with much in them', () => {
  const rows = (count: number): string => `{"docs":[${Array.from({ length: count }, () => '1').join(',')}]}`;
  expect(split(rows(10_000)).rows).toHaveLength(10_000);
  expect(() => split(rows(10_001))).toThrow(throwsStatus(413));
  const other = (count: number): string =>
    `{"other":[${Array.from({ length: count }, () => '1').join(',')}],"docs":[]}`;
  expect(split(other(90)).rows).toEqual([]);
  expect(() => split(other(101))).toThrow(throwsStatus(413));
  expect(() => split(`{"other":${'['.repeat(8)}${']'.repeat(8)},"docs":[]}`)).toThrow(throwsStatus(400));
});

describe('a row above a limit is refused alone, with its id and revision', () => {
  const id = emptyDocument._id;
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const row = (value: string): string => `{"_id":${JSON.stringify(id)},"a":${value},"_rev":"2-x"}`;
  const filled = (bytes: number): string => row(JSON.stringify('x'.repeat(bytes - row('""').length)));
  const listed = (count: number): string => row(`[${Array.from({ length: count - 3 }, () => '1').join(',')}]`);

  it.each([
    ['levels', row(nested(maxDepth - 1)), row(nested(maxDepth)), `nested more than ${maxDepth} levels`],
    ['values', listed(maxValues), listed(maxValues + 1), `more than ${maxValues} values`],
    ['bytes', filled(maxBytes), filled(maxBytes + 1), `more than ${maxBytes} bytes`],
  ])('%s', (_name, within, above, reason) => {
    const { rows } = split(`{"docs":[${within},${above},{"_id":"b"}]}`);
    expect(rows.map(reasonOf)).toEqual([undefined, expect.stringContaining(reason), undefined]);
    expect(rows[1]).toMatchObject({ _id: id, _rev: '2-x' });
    expect(rows[2]).toEqual({ _id: 'b' });
    const [, refused] = runAtOnce(parseRows(rows, rules, parseReplicatedRow));
    expect(refused).toMatchObject({
      kind: 'refusal',
      id,
      rev: '2-x',
      reason: expect.stringContaining(reason) as string,
    });
  });

  it('only its own id and revision count, not those of nested objects or other types', () => {
    const inner = `{"_id":"inner","_rev":"1-a","a":${nested(maxDepth)}}`;
    const texts = [`{"a":${inner},"_id":"a\\u0062","_rev":3}`, `[${inner}]`, `{"_id":["x"],"_rev":"2-b","a":${inner}}`];
    expect(split(`{"docs":[${texts.join(',')}]}`).rows).toMatchObject([
      { _id: 'ab', _rev: undefined },
      { _id: undefined, _rev: undefined },
      { _id: undefined, _rev: '2-b' },
    ]);
  });
});

it('the largest honest batch, 32 leaves of 64 KiB with 1,000 revisions each, is within the limits', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => 1_000 - n);
  const padding = 'x'.repeat(65_536 - JSON.stringify({ ...emptyDocument, a: '' }).length);
  const largest = revision(ids, { ...emptyDocument, a: padding });
  expect(JSON.stringify(largest).length).toBeGreaterThan(65_536 + 35 * 1_000);
  expect(JSON.stringify(largest).length).toBeLessThan(MAX_HONEST_ROW_BYTES);
  const text = JSON.stringify({ docs: Array.from({ length: 32 }, () => largest), new_edits: false });
  expect(text.length).toBeLessThan(MAX_BATCH_BYTES);
  expect(split(text).rows.map(reasonOf)).toEqual(Array.from({ length: 32 }, () => undefined));
});

it('200 rows with 3,000 unknown members each are refused with short reasons, whatever their names', () => {
  const members = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`member${n}`, 1]));
  const [many, long] = [
    { ...revision([2, 1]), ...members },
    { ...revision([2, 1]), ['x'.repeat(20_000)]: 1 },
  ];
  const rows = Array.from({ length: 200 }, (_, n) => ({ ...(n % 2 === 0 ? many : long), _rev: `2-${hex(2)}` }));
  const { rows: texts } = split(JSON.stringify({ docs: rows }));
  const parsed = runAtOnce(parseRows(texts, rules, parseReplicatedRow));
  const { verdicts } = runAtOnce(decideRows(parsed, treeOf(revision([1])), schema));
  expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['refusal']));
  expect(JSON.stringify(verdicts).length).toBeLessThan(200 * 500);
});

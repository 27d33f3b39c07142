import fc from 'fast-check';
import { runAtOnce } from '../../lib/time-slices.ts';
import { parseEditRow, parseReplicatedRow, parseRows, type Refusal } from './parse-row.ts';
import { emptyDocument as body, hex, push, revision, rules, tombstone, treeOf } from './testing/tree-model.ts';

const valid = revision([2, 1]);
const tree = treeOf(revision([1]));
const edits = (stamp: string): object => ({ ...valid, preferences: { theme: 'dark' }, edits: { theme: stamp } });

describe('a row that is not a valid revision of the own document is refused', () => {
  it.each<[string, unknown]>([
    ["another user's id", { ...valid, _id: 'user_bob' }],
    ['an id that only resembles it', { ...valid, _id: 'user_alice ' }],
    ['no id', { ...valid, _id: undefined }],
    ['an array as the id', { ...valid, _id: ['user_alice'] }],
    ['an array', [valid]],
    ['null', null],
    ['an attachment', { ...valid, _attachments: { a: { stub: true } } }],
    ['an empty _attachments member', { ...valid, _attachments: {} }],
    ['another underscore member', { ...valid, _local_seq: 3 }],
    ['no revision', { ...valid, _rev: undefined }],
    ['an invalid revision', { ...valid, _rev: '2-x' }],
    [
      'a generation that is too high',
      { ...valid, _rev: `99999999999-${hex(2)}`, _revisions: { start: 99999999999, ids: [hex(2)] } },
    ],
    ["another revision's path", { ...valid, _revisions: { start: 2, ids: [hex(3), hex(1)] } }],
    ['a path longer than its generation', { ...valid, _revisions: { start: 1, ids: [hex(2), hex(1)] } }],
    ['a path of 10,001 revisions', revision(Array.from({ length: 10_001 }, (_, n) => n))],
    ['a deletion with a body', { ...valid, _deleted: true }],
    ['a deletion that is not true', { ...valid, _deleted: 'yes' }],
    ['an unknown preference', { ...valid, preferences: { density: 'cosy' } }],
    ['a preference that looks like a secret', { ...valid, preferences: { password_hash: 'x' } }],
    ['an unknown member', { ...valid, role: 'admin' }],
    ["another user's name", { ...valid, username: 'bob' }],
    ['a newer version', { ...valid, version: 2 }],
    ['a version that is no longer written', { ...valid, version: 0 }],
    ['a stamp after the year 9000', edits('9001-11-29T09:30:00.000Z-0000-abcde')],
    [
      'too many bytes',
      { ...valid, preferences: { selectedTags: Array.from({ length: 2_000 }, () => 'x'.repeat(40)) } },
    ],
    [
      '5,000 nested arrays',
      { ...valid, preferences: { selectedTags: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as unknown } },
    ],
    ['an unpaired surrogate', { ...valid, preferences: { selectedTags: ['\ud800'] } }],
    [
      'a __proto__ member',
      JSON.parse(JSON.stringify(valid).replace('{', '{"__proto__":{"_id":"user_alice"},')) as unknown,
    ],
  ])('%s', (_name, row) => {
    const parsed = parseReplicatedRow(row, rules);
    if (parsed.kind === 'refusal') expect(parsed.reason).toMatch(/^[A-Z_].*\.$/s);
    else expect(push(tree, row as typeof valid)).toMatchObject({ verdicts: ['refusal'], writes: 0 });
  });

  it('a valid revision is accepted: the own document, a tombstone, a stamp of a clock that is years ahead', () => {
    for (const row of [valid, tombstone([2, 1]), edits('2036-11-23T09:00:00.000Z-0000-abcde')])
      expect(parseReplicatedRow(row, rules).kind).toBe('replicated');
    expect(push(tree, valid, { ...edits('2036-11-23T09:00:00.000Z-0000-abcde') }).verdicts).not.toContain('refusal');
    expect(parseEditRow(body, rules)).toMatchObject({ kind: 'edit', rev: undefined });
  });

  it('parsing never throws for any row, and a refusal contains only the client’s own id', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => JSON.parse(text) as unknown),
          fc.dictionary(fc.constantFrom('_id', '_rev', '_revisions', '_deleted', 'type'), fc.anything()),
        ),
        fc.constantFrom(parseReplicatedRow, parseEditRow),
        (row, parse) => {
          const parsed = parse(row, rules);
          if (parsed.kind === 'refusal')
            expect(parsed.id === undefined || (row as Refusal & { _id: string })._id === parsed.id).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('of more than 2,000 rows of the own document in a batch, the first are parsed', () => {
    const rows = Array.from({ length: 2_001 }, () => valid);
    const kinds = runAtOnce(parseRows(rows, rules, parseReplicatedRow)).map(({ kind }) => kind);
    expect([kinds.indexOf('refusal'), kinds.length]).toEqual([2_000, 2_001]);
  });
});

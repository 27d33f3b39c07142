import { countOperations } from '../../../couchdb-design/testing/count-operations.ts';
import { applyEdit } from '../../../couchdb-design/user-document/merge.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { JsonObject } from '../../lib/json.ts';
import { decideRows } from './decide-rows.ts';
import { runAtOnce } from '../../lib/time-slices.ts';
import type { DocumentTree } from './document-tree.ts';
import {
  branchesOf,
  documentsOf,
  emptyDocument,
  emptyTree,
  hex,
  leavesOf,
  parse,
  push,
  revision,
  rules,
  schema,
  store,
  tombstone,
  treeOf,
} from './testing/tree-model.ts';
import { parseReplicatedRow } from './parse-row.ts';

const stamp = (minute: number): string => `2026-11-22T10:${String(minute).padStart(2, '0')}:00.000Z-0000-abcde`;
const edited = (minute: number, patch: object, document: UserDocument<object> = emptyDocument): UserDocument<object> =>
  applyEdit<object>(document, patch, stamp(minute));

const root = revision([1]);
const server = revision([2, 1], edited(2, { theme: 'dark' }));

describe('a revision that descends from the live leaf is stored as it is', () => {
  it('also over many generations, and is known after that', () => {
    const row = revision([9, 8, 7, 2, 1], edited(3, { viewMode: 'table' }));
    const pushed = push(treeOf(server), row);
    expect(pushed).toMatchObject({ verdicts: ['replicated'], writes: 1 });
    expect(leavesOf(pushed.tree)).toEqual([row['_rev']]);
    expect(push(pushed.tree, row, root)).toMatchObject({ verdicts: ['known', 'known'], writes: 0 });
  });

  it('also in a document without a live leaf', () => {
    expect(leavesOf(push(emptyTree, server).tree)).toEqual([server['_rev']]);
    const deleted = treeOf(server, tombstone([3, 2, 1]));
    expect(leavesOf(push(deleted, revision([4, 3, 2, 1])).tree)).toEqual([`4-${hex(4)}`]);
    expect(push(emptyTree, revision([1], emptyDocument, 1_000_001)).verdicts).toEqual(['refusal']);
  });
});

describe('what is sent to the database', () => {
  const documentsFor = (...rows: readonly JsonObject[]): readonly JsonObject[] =>
    runAtOnce(decideRows(rows.map(parse), treeOf(server), schema)).documents;
  const pathLength = ({ _revisions: revisions }: JsonObject): number => (revisions as { ids: string[] }).ids.length;

  it('is the part of a path that is new, whatever a row lists below the leaf', () => {
    const forged = revision([9, 8, 2, 77], edited(3, { viewMode: 'table' }));
    expect(documentsFor(forged)).toMatchObject([{ _revisions: { start: 4, ids: [9, 8, 2].map(hex) } }]);
  });

  it('is the newest revision of a chain, with its path to a revision that the database has', () => {
    const chain = [
      revision([3, 2, 1], edited(3, { viewMode: 'table' })),
      revision([4, 3, 2, 1], edited(4, { viewMode: 'graph' })),
      revision([5, 4, 3], edited(5, { viewMode: 'table' }), 5),
    ];
    expect(documentsFor(...chain)).toMatchObject([{ _revisions: { start: 5, ids: [5, 4, 3, 2].map(hex) } }]);
    const branch = revision([88], edited(9, { recapTime: '20:00' }), 5);
    const [merged, ...others] = documentsFor(...chain, branch);
    expect(others).toEqual([]);
    expect(merged).toMatchObject({ preferences: { viewMode: 'table', recapTime: '20:00' } });
    expect((merged?.['_revisions'] as { ids: string[] }).ids.slice(1)).toEqual([5, 4, 3, 2].map(hex));
  });

  it('extends the leaf by at most 3,000 revisions: a row with more is merged', () => {
    const extending = (count: number): JsonObject =>
      revision([...Array.from({ length: count }, (_, n) => 50_000 - n), 2, 1], edited(3, { viewMode: 'table' }));
    expect(documentsFor(extending(3_000)).map(pathLength)).toEqual([3_001]);
    const [merged] = documentsFor(extending(3_001));
    expect(merged).toMatchObject({ preferences: { theme: 'dark', viewMode: 'table' } });
    expect(merged?.['_rev']).not.toBe(extending(3_001)['_rev']);
  });

  it.each([
    [1, 1_000],
    [200, 1_000],
    [500, 1_500],
    [1_000, 3_000],
    [2_000, 3_000],
  ])('a merge of a row with a path of %i is above the leaf by at most %i generations', (length, padding) => {
    const leaf = 2;
    const row = (above: number): JsonObject =>
      revision(
        Array.from({ length }, (_, n) => 50_000 - n),
        edited(3, { viewMode: 'table' }),
        leaf + above - 1,
      );
    expect(documentsFor(row(padding))).toMatchObject([
      { _rev: expect.stringMatching(`^${leaf + padding}-`) as string },
    ]);
    expect(documentsFor(row(padding + 1))).toMatchObject([{ _rev: expect.stringMatching(`^${leaf + 1}-`) as string }]);
  });
});

describe('a revision beside the live leaf is merged', () => {
  it('into one descendant of the winner that has the last edits of both and a higher generation', () => {
    const row = revision([7, 6, 5, 1], edited(3, { viewMode: 'table' }));
    const { tree, verdicts, writes } = push(treeOf(server), row);
    expect([verdicts, writes]).toEqual([['merged'], 1]);
    expect(leavesOf(tree)).toEqual([expect.stringMatching(/^5-/)]);
    expect(tree.has(`2-${hex(2)}`)).toBe(true);
    expect(documentsOf(tree)).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'table' } }]);
    expect(push(tree, row)).toMatchObject({ verdicts: ['merged'], writes: 0 });
  });

  it('is written with the same ids by two gates', () => {
    const rows = [
      revision([7, 6, 1], edited(3, { viewMode: 'table' })),
      revision([5, 1], edited(4, { recapTime: '20:00' })),
    ];
    const [one, other] = [rows, rows.toReversed()].map((batch) => branchesOf(push(treeOf(server), ...batch).tree));
    expect(one).toEqual(other);
  });

  it('is not written when the winner has it all, except above a device’s revision, which PouchDB would show instead', () => {
    const older = edited(1, { theme: 'light' });
    expect(push(treeOf(server), revision([1, 9], older))).toMatchObject({ verdicts: ['merged'], writes: 0 });
    const { tree } = push(treeOf(server), revision([9, 8, 1], older));
    expect(leavesOf(tree)).toEqual([expect.stringMatching(/^4-/)]);
    expect(documentsOf(tree)).toMatchObject([{ preferences: { theme: 'dark' } }]);
  });

  it('does not outrank a forged generation, which then costs nothing', () => {
    const forged = revision([9], edited(3, { viewMode: 'table' }), 1_000_000_000);
    const { tree } = push(treeOf(server), forged);
    expect(leavesOf(tree)).toEqual([expect.stringMatching(/^3-/)]);
    expect(documentsOf(tree)).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'table' } }]);
    expect(push(tree, forged)).toMatchObject({ verdicts: ['merged'], writes: 0 });
  });

  it('outranks the revision of a device with thousands of edits', () => {
    const ids = Array.from({ length: 1_000 }, (_, n) => 2_900 - n);
    const { tree } = push(treeOf(server), revision(ids, edited(3, { viewMode: 'table' }), 2_900));
    expect(leavesOf(tree)).toEqual([expect.stringMatching(/^2901-/)]);
  });

  it('keeps a value that the schema rejects and a key that it does not know, and accepts no new ones', () => {
    const stored = revision([2, 1], { ...emptyDocument, preferences: { drak: 1, theme: 'pink' } });
    const kept = {
      ...emptyDocument,
      preferences: { drak: 1, theme: 'pink', viewMode: 'table' },
      edits: { viewMode: stamp(3) },
    };
    const { tree, verdicts } = push(treeOf(stored), revision([3, 1], kept), revision([4, 2, 1], kept));
    expect(verdicts).toEqual(['merged', 'replicated']);
    expect(documentsOf(tree)).toMatchObject([{ preferences: kept.preferences }]);
    expect(push(tree, revision([5, 1], edited(5, { theme: 'blue' })))).toMatchObject({
      verdicts: ['refusal'],
      writes: 0,
    });
  });
});

describe('a revision without a path to the live leaf (revs_limit: 1)', () => {
  const after = edited(3, { viewMode: 'table' }, edited(2, { theme: 'dark' }));

  it('is stored itself, as a descendant, when it has everything that the leaf has', () => {
    const row = revision([7], after, 5);
    const { tree, verdicts } = push(treeOf(server), row);
    expect(verdicts).toEqual(['merged']);
    expect(leavesOf(tree)).toEqual([row['_rev']]);
    expect(tree.has(`2-${hex(2)}`)).toBe(true);
  });

  it('is stored itself also when it changes a value without a stamp, as a child may', () => {
    const light = revision([2, 1], { ...emptyDocument, preferences: { theme: 'light' } });
    const row = revision([7], { ...emptyDocument, preferences: { theme: 'dark' } }, 3);
    expect(documentsOf(push(treeOf(light), row).tree)).toMatchObject([{ preferences: { theme: 'dark' } }]);
  });

  it('is merged when it lacks something, when it is no newer than the leaf, and when its path shows another branch', () => {
    for (const row of [
      revision([7], edited(3, { viewMode: 'table' }), 5),
      revision([7], after, 2),
      revision([7, 6, 1], after, 3),
    ]) {
      const { tree } = push(treeOf(server), row);
      expect(tree.has(String(row['_rev']))).toBe(false);
      expect(documentsOf(tree)).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'table' } }]);
    }
  });
});

describe('a deleted revision', () => {
  it('of the last live leaf is refused', () => {
    expect(push(treeOf(server), tombstone([3, 2, 1]))).toMatchObject({ verdicts: ['refusal'], writes: 0 });
    expect(push(emptyTree, tombstone([3, 2, 1])).verdicts).toEqual(['refusal']);
  });

  it('of a revision that is no live leaf is accepted and not stored', () => {
    const tree = treeOf(revision([3, 2, 1]), tombstone([5, 4, 1]));
    for (const row of [tombstone([7, 1]), tombstone([8, 2, 1]), tombstone([6, 5, 4, 1]), tombstone([9], 9)])
      expect(push(tree, row)).toMatchObject({ verdicts: ['merged'], writes: 0 });
  });

  it('of one of several live leaves is stored, until one is left', () => {
    const tree = treeOf(server, revision([3, 1]));
    const pushed = push(tree, tombstone([12, 2, 1]), tombstone([13, 3, 1]));
    expect(pushed.verdicts.toSorted()).toEqual(['refusal', 'replicated']);
    expect(documentsOf(pushed.tree)).toHaveLength(1);
  });
});

describe('a document with conflicts of the past', () => {
  const conflicts = (count: number, deleted: boolean): DocumentTree =>
    Array.from({ length: count }, (_, n) =>
      deleted ? tombstone([100 + n, 1]) : revision([100 + n, 1]),
    ).reduce<DocumentTree>((tree, document) => store(tree, document), treeOf(server));

  it('can be edited with 100 deleted leaves, and gets no more', () => {
    const tree = conflicts(100, true);
    const row = revision([300, 1], edited(3, { viewMode: 'table' }));
    const pushed = push(tree, row);
    expect(pushed.verdicts).toEqual(['merged']);
    expect(leavesOf(pushed.tree)).toHaveLength(101);
    expect(leavesOf(push(pushed.tree, tombstone([301, 300, 1])).tree)).toHaveLength(101);
  });

  it('has one live leaf after a merge', () => {
    const { tree, verdicts } = push(conflicts(40, false), revision([300, 1], edited(3, { viewMode: 'table' })));
    expect(verdicts).toEqual(['merged']);
    expect(documentsOf(tree)).toMatchObject([{ preferences: { theme: 'dark', viewMode: 'table' } }]);
  });

  it('accepts an edit of each leaf with what any of them has', () => {
    const invalid = { ...emptyDocument, preferences: { theme: 'pink' } };
    const tree = treeOf(server, revision([3, 1], invalid));
    const resolution = revision([4, 3, 1], { ...edited(2, { theme: 'dark' }) });
    expect(push(tree, resolution).verdicts).toEqual(['replicated']);
    expect(push(tree, revision([4, 2, 1], invalid)).verdicts).toEqual(['replicated']);
  });
});

describe('what is malformed', () => {
  const flawed: JsonObject = { ...emptyDocument, note: 'by an operator' };

  it('is refused in a row, unless the stored leaf has flaws too: then the row is merged without them', () => {
    const row = revision([3, 2, 1], { ...edited(3, { viewMode: 'table' }), note: 'by an operator' });
    expect(push(treeOf(server), row).verdicts).toEqual(['refusal']);
    const { tree, verdicts } = push(treeOf(revision([2, 1], flawed)), row);
    expect(verdicts).toEqual(['merged']);
    expect(documentsOf(tree)).toEqual([expect.not.objectContaining({ note: expect.anything() as unknown })]);
  });

  it('is merged without the flaws after the stored leaf was repaired', () => {
    const repaired = treeOf(revision([3, 2, 1], emptyDocument));
    const row = revision([30, 2, 1], { ...edited(3, { viewMode: 'table' }), note: 'by an operator' });
    const { tree, verdicts } = push(repaired, row);
    expect(verdicts).toEqual(['merged']);
    expect(documentsOf(tree)).toEqual([expect.not.objectContaining({ note: expect.anything() as unknown })]);
    expect(documentsOf(tree)).toMatchObject([{ preferences: { viewMode: 'table' } }]);
  });

  it('or of a newer version, in a leaf, is not written over', () => {
    const newer = treeOf(revision([2, 1], { ...emptyDocument, version: 2 }));
    const rows = [parse(revision([3, 2, 1])), parse(revision([4, 1]))];
    const { verdicts } = runAtOnce(decideRows(rows, newer, schema));
    expect(verdicts).toMatchObject([
      { kind: 'refusal', rev: `3-${hex(3)}`, reason: expect.stringContaining('newer') as string },
      { kind: 'refusal' },
    ]);
  });
});

it('2,000 revisions of a device whose content the document has are one small decision', () => {
  const rows = Array.from({ length: 2_000 }, (_, n) =>
    parseReplicatedRow(revision([n + 10], edited(1, { theme: 'light' })), rules),
  );
  const { documents, verdicts } = runAtOnce(decideRows(rows, treeOf(server), schema));
  expect(documents).toEqual([]);
  expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['merged']));
});

describe('many rows for a large document', () => {
  const manyEdits = Object.fromEntries(Array.from({ length: 1_150 }, (_, index) => [`removed${index}`, stamp(1)]));
  const tree = treeOf(revision([5, 1], { ...emptyDocument, edits: manyEdits }));
  // Each adds an edit to those before it: the rows are merged in the order of their ids, from the greatest.
  const time = (index: number): string => `${new Date(1.8e12 + index).toISOString()}-0000-abcde`;
  const branches = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      revision([10_000 - index], { ...emptyDocument, edits: { theme: time(index) } }, 3),
    );

  it('are merged preference by preference', () => {
    const pushed = push(tree, ...branches(100));
    expect(documentsOf(pushed.tree)).toMatchObject([{ edits: { ...manyEdits, theme: time(99) } }]);
  });

  it('cost fewer operations than a read of each preference of the document for each row', () => {
    const rows = branches(2_000);
    const count = countOperations(() => push(tree, ...rows));
    expect(count).toBeGreaterThan(rows.length);
    expect(count).toBeLessThan(rows.length * Object.keys(manyEdits).length);
  });
});

import fc from 'fast-check';
import { anyDocumentOf, toUsername } from '../testing/arbitraries.ts';
import { canonicalJson } from './canonical-json.ts';
import { applyEdit, merge } from './merge.ts';
import {
  compareRevisions,
  isRevision,
  parseRevision,
  resolveConflict,
  winningRevision,
  type Leaf,
} from './revisions.ts';
import { newUserDocument } from './user-document.ts';

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(0));

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const generation = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1e9 }));
const anyRevision = fc.tuple(generation, hex).map(([n, id]) => `${n}-${id}`);
const anyLeaves = fc.uniqueArray(fc.record({ rev: anyRevision, document: anyDocumentOf(alice) }), {
  minLength: 2,
  maxLength: 5,
  selector: ({ rev }) => rev,
});

test('a revision consists of its generation and its id', () => {
  fc.assert(
    fc.property(generation, hex, (n, id) => {
      expect(parseRevision(`${n}-${id}`)).toEqual({ generation: n, id });
    }),
  );
});

test.each([
  '',
  '1-',
  '1-abc',
  `0-${'a'.repeat(32)}`,
  `01-${'a'.repeat(32)}`,
  `-1-${'a'.repeat(32)}`,
  `1-${'A'.repeat(32)}`,
  `1-${'a'.repeat(33)}`,
  `1-${'a'.repeat(32)}\n`,
  ` 1-${'a'.repeat(32)}`,
  `1e9-${'a'.repeat(32)}`,
  `1000000001-${'a'.repeat(32)}`,
  `9999999999999999-${'a'.repeat(32)}`,
  '99-ffff',
  null,
  1,
  ['1-a'],
])('%j is not a revision', (value) => {
  expect(isRevision(value)).toBe(false);
});

test('isRevision never throws', () => {
  fc.assert(fc.property(fc.anything(), (value) => typeof isRevision(value) === 'boolean'));
});

test('the order is total, even for strings that are not valid revisions', () => {
  const any = fc.oneof(anyRevision, fc.constantFrom('99-ffff', '10-0', '9-z', '0-', ''), fc.string());
  fc.assert(
    fc.property(any, any, any, (a, b, c) => {
      expect(Math.sign(compareRevisions(a, b))).toBe(-Math.sign(compareRevisions(b, a)) + 0);
      if (compareRevisions(a, b) <= 0 && compareRevisions(b, c) <= 0) {
        expect(compareRevisions(a, c)).toBeLessThanOrEqual(0);
      }
    }),
  );
});

test('generations are compared as numbers', () => {
  expect(compareRevisions(`10-${'0'.repeat(32)}`, `9-${'f'.repeat(32)}`)).toBeGreaterThan(0);
});

test('a live leaf wins over a deleted one of any generation', () => {
  const live = { rev: `1-${'0'.repeat(32)}` };
  const deleted = { rev: `9-${'f'.repeat(32)}`, deleted: true };
  expect(winningRevision([deleted, live])).toBe(live);
  expect(winningRevision([deleted])).toBe(deleted);
  expect(winningRevision<Leaf>([])).toBeUndefined();
});

test('a resolution does not depend on the order of leaves or members', () => {
  fc.assert(
    fc.property(anyLeaves, (leaves) => {
      const shuffled = [...leaves].reverse().map(({ rev, document }) => ({
        document: { ...document, preferences: Object.fromEntries(Object.entries(document.preferences).reverse()) },
        rev,
      }));
      expect(JSON.stringify(resolveConflict({ leaves: shuffled }))).toBe(JSON.stringify(resolveConflict({ leaves })));
    }),
  );
});

test('a resolution is the merge on the winner and a bare tombstone on every other leaf', () => {
  fc.assert(
    fc.property(anyLeaves, (leaves) => {
      const written = resolveConflict({ leaves });
      const tombstones = written.filter((document) => '_deleted' in document);
      const merged = written.filter((document) => !('_deleted' in document));
      const winner = winningRevision(leaves);
      const parents = (documents: typeof written): string[] =>
        documents.map(({ _revisions: { start, ids } }) => `${start - 1}-${ids[1]}`).sort();
      expect(parents(tombstones)).toEqual(
        leaves
          .map(({ rev }) => rev)
          .filter((rev) => rev !== winner?.rev)
          .sort(),
      );
      for (const tombstone of tombstones) {
        expect(Object.keys(tombstone).sort()).toEqual(['_deleted', '_id', '_rev', '_revisions']);
      }
      const [first, ...rest] = leaves.map(({ document }) => document);
      if (first === undefined || winner === undefined) throw new Error('no leaf');
      const expected = merge([first, ...rest]);
      if (canonicalJson(expected) === canonicalJson(winner.document)) {
        expect(merged).toEqual([]);
      } else {
        expect(parents(merged)).toEqual([winner.rev]);
        expect(written[0]).toEqual({ ...expected, _rev: written[0]?._rev, _revisions: written[0]?._revisions });
      }
      for (const { _rev, _revisions } of written) expect(_rev).toBe(`${_revisions.start}-${_revisions.ids[0]}`);
    }),
  );
});

test('a tombstone depends on its leaf alone, so that devices with different conflicts write the same one', () => {
  fc.assert(
    fc.property(anyLeaves, (leaves) => {
      const winner = winningRevision(leaves);
      const all = resolveConflict({ leaves }).filter((one) => '_deleted' in one);
      for (const leaf of leaves.filter((one) => one !== winner)) {
        const two = winner === undefined ? [] : [winner, leaf];
        expect(all).toEqual(
          expect.arrayContaining(resolveConflict({ leaves: two }).filter((one) => '_deleted' in one)),
        );
      }
    }),
  );
});

test('without a conflict the resolution is empty, and a repeated leaf counts once', () => {
  const leaf = { rev: `1-${'a'.repeat(32)}`, document: fresh };
  for (const leaves of [[], [leaf], [leaf, leaf]]) expect(resolveConflict({ leaves })).toEqual([]);
});

test('a forged revision gets a child like any other', () => {
  const rev = `1-${'a'.repeat(32)}`;
  const other = applyEdit(fresh, { theme: 'dark' }, '2026-11-22T09:30:01.123Z-0000-w7f3a');
  const [child, tombstone] = resolveConflict({
    leaves: [
      { rev, document: other },
      { rev: '99-ffff', document: fresh },
    ],
  });
  expect(child).toMatchObject({ _rev: expect.stringMatching(/^100-/) as string, preferences: { theme: 'dark' } });
  expect(child?._revisions.ids[1]).toBe('ffff');
  expect(tombstone).toMatchObject({ _deleted: true, _rev: expect.stringMatching(/^2-/) as string });
});

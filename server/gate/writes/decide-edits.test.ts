import { decideEdits } from './decide-edits.ts';
import { parseEditRow } from './parse-row.ts';
import { runAtOnce } from '../../lib/time-slices.ts';
import type { DocumentTree } from './document-tree.ts';
import { emptyDocument, emptyTree, hex, revision, rules, schema, tombstone, treeOf } from './testing/tree-model.ts';

const edit = (parent: number | undefined, content: object = emptyDocument): object => ({
  ...content,
  ...(parent === undefined ? {} : { _rev: `2-${hex(parent)}` }),
});
const deletion = (parent: number): object => edit(parent, { _id: emptyDocument._id, _deleted: true });
const decide = (tree: DocumentTree, ...rows: readonly object[]) =>
  runAtOnce(
    decideEdits(
      rows.map((row) => parseEditRow(row, rules)),
      tree,
      schema,
    ),
  );

const tree = treeOf(revision([2, 1]));
const stored = (preferences: object): DocumentTree => treeOf(revision([2, 1], { ...emptyDocument, preferences }));

it('an edit of the leaf is sent, and the second of one revision is a conflict', () => {
  expect(decide(tree, edit(2), edit(2))).toMatchObject([{ kind: 'edit' }, { kind: 'refusal', isConflict: true }]);
  expect(decide(emptyTree, edit(undefined))).toMatchObject([{ kind: 'edit' }]);
});

it('the database answers an edit of an older revision', () => {
  expect(decide(tree, edit(9))).toMatchObject([{ kind: 'edit' }]);
});

it('many edits of revisions that are no leaves conflict unchecked', () => {
  const rows = Array.from({ length: 2_000 }, (_, index) => edit(100 + index));
  const verdicts = decide(tree, ...rows, edit(2));
  expect(verdicts.filter(({ kind }) => kind === 'edit')).toHaveLength(11);
  expect(verdicts.at(-2)).toMatchObject({ kind: 'refusal', isConflict: true });
  expect(verdicts.at(-1)).toMatchObject({ kind: 'edit' });
});

it('an edit of a deleted leaf is a conflict while there is a live one, and recreates the document otherwise', () => {
  const deleted = tombstone([9, 1]);
  expect(decide(treeOf(revision([2, 1]), deleted), edit(9))).toMatchObject([{ isConflict: true }]);
  expect(decide(treeOf(deleted), edit(9))).toMatchObject([{ kind: 'edit' }]);
});

it('the last live leaf is not deleted', () => {
  expect(decide(tree, deletion(2))).toMatchObject([{ kind: 'refusal' }]);
  const both = decide(treeOf(revision([2, 1]), revision([3, 1])), deletion(2), deletion(3));
  expect(both.map(({ kind }) => kind)).toEqual(['edit', 'refusal']);
});

it('what is stored is accepted again, and nothing new of its kind', () => {
  const preferences = { drak: true, theme: 'pink' };
  const kept = { ...emptyDocument, preferences: { ...preferences, viewMode: 'table' } };
  expect(decide(stored(preferences), edit(2, kept))).toMatchObject([{ kind: 'edit' }]);
  const changed = { ...emptyDocument, preferences: { ...preferences, theme: 'blue' } };
  expect(decide(stored(preferences), edit(2, changed))).toMatchObject([
    { kind: 'refusal', reason: expect.stringMatching(/theme .*\.$/) as string },
  ]);
  expect(decide(tree, edit(2, kept))).toMatchObject([{ kind: 'refusal' }]);
});

it('a flaw of the stored leaf is not stored again, and a new one is refused', () => {
  const flawed = { ...emptyDocument, note: 'by an operator' };
  const [row] = decide(treeOf(revision([2, 1], flawed)), edit(2, flawed));
  expect(row).toMatchObject({
    kind: 'edit',
    document: expect.not.objectContaining({ note: expect.anything() as unknown }) as unknown,
  });
  expect(decide(tree, edit(2, flawed))).toMatchObject([{ kind: 'refusal', reason: 'note is not known.' }]);
});

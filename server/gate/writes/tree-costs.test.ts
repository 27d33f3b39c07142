/** What is done with a tree or a batch costs as many operations as there are revisions, times a constant. */
import { countOperations } from '../../../couchdb-design/testing/count-operations.ts';
import { readUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { JsonObject } from '../../lib/json.ts';
import { runAtOnce } from '../../lib/time-slices.ts';
import { diffRevisions } from '../reads/revs-diff.ts';
import { parseLeaves } from '../stored-revisions.ts';
import { decideEdits } from './decide-edits.ts';
import { decideRows } from './decide-rows.ts';
import { parseTree } from './document-tree.ts';
import { parseEditRow, parseReplicatedRow, parseRows } from './parse-row.ts';
import { emptyDocument, hex, revision, rules, schema } from './testing/tree-model.ts';

const SIZES = [100, 1_000, 10_000];
const tombstoneBody = { _id: emptyDocument._id, _deleted: true };
const pathFrom = (first: number, length: number): number[] => Array.from({ length }, (_, n) => first - n);

/** A tree as the database returns it. */
type Response = readonly { readonly ok: JsonObject }[];
const chain = (size: number): Response => [{ ok: revision(pathFrom(size, size)) }];
/** Many deleted leaves on a trunk, of which the database returns a part with each, and a live one. */
const fan = (size: number): Response => [
  { ok: revision([900_000, ...pathFrom(5, 5)]) },
  ...Array.from({ length: size }, (_, n) => ({ ok: revision([1_000 + n, ...pathFrom(5, 5)], tombstoneBody) })),
];
const liveFan = (size: number): Response => [
  ...Array.from({ length: size }, (_, n) => ({ ok: revision([1_000 + n, ...pathFrom(5, 5)]) })),
];

const revisionsOf = (response: Response) => parseLeaves(response, () => ({ isDeleted: false }));
const replicated = (rows: readonly JsonObject[]) => runAtOnce(parseRows(rows, rules, parseReplicatedRow));

/** Rows beside the leaf, of which each costs a comparison. */
const branches = Array.from({ length: 300 }, (_, n) => revision([500_000 + n, 400_000 + n]));
/** Edits of unknown revisions. */
const edits = Array.from({ length: 300 }, (_, n) => ({ ...emptyDocument, _rev: `2-${hex(600_000 + n)}` }));

const CASES: readonly [string, (tree: Response, size: number) => () => void][] = [
  ['reading the tree', (tree) => () => void parseTree(tree, readUserDocument)],
  [
    'deciding about 300 rows',
    (response) => {
      const [tree, rows] = [parseTree(response, readUserDocument), replicated(branches)];
      return () => void runAtOnce(decideRows(rows, tree, schema));
    },
  ],
  [
    'deciding about a row that extends the leaf by the tree’s size',
    (response, size) => {
      const tree = parseTree(response, readUserDocument);
      const rows = replicated([revision([...pathFrom(700_000 + size, Math.min(size, 9_000)), size, size - 1])]);
      return () => void runAtOnce(decideRows(rows, tree, schema));
    },
  ],
  [
    'deciding about 300 edits',
    (response) => {
      const tree = parseTree(response, readUserDocument);
      const rows = runAtOnce(parseRows(edits, rules, parseEditRow));
      return () => void runAtOnce(decideEdits(rows, tree, schema));
    },
  ],
  [
    '_revs_diff of as many revisions',
    (response, size) => {
      const stored = revisionsOf(response);
      const own = Array.from({ length: size }, (_, n) => `7-${hex(800_000 + n)}`);
      return () => void diffRevisions(own, stored, { into: `7-${hex(1)}`, revisions: own });
    },
  ],
];

describe.each<[string, (size: number) => Response]>([
  ['a path', chain],
  ['many deleted leaves', fan],
  ['many live leaves', liveFan],
])('for %s', (_shape, treeOf) => {
  it.each(CASES)('%s is linear', (_name, prepare) => {
    const [, thousand = 0, tenThousand = 0] = SIZES.map((size) => countOperations(prepare(treeOf(size), size)));
    // Ten times the revisions: ten times the operations, where a quadratic algorithm takes a hundred times as many.
    expect(thousand).toBeGreaterThan(0);
    expect(tenThousand).toBeLessThan(15 * thousand);
  });
});

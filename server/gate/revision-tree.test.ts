import fc from 'fast-check';
import memory from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { readUserDocument } from '../../couchdb-design/user-document/user-document.ts';
import { liveLeaves, parseTree, type DocumentTree, type LeafContent } from './writes/document-tree.ts';
import { parseRevisionPath, RevisionTree, type Branch as TreeBranch, type RevisionPath } from './revision-tree.ts';
import { branchesOf } from './writes/testing/tree-model.ts';

PouchDB.plugin(memory);

type Branch = TreeBranch<LeafContent>;

const id = (n: number): string => n.toString(16).padStart(32, '0');

/** Steps that grow a tree as replication does: each revision has an existing parent, or is a root. */
const growth = fc.array(
  fc.record({
    parent: fc.option(fc.nat(), { nil: undefined }),
    start: fc.integer({ min: 1, max: 4 }),
    deleted: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

function revisionsOf(steps: readonly { parent: number | undefined; start: number; deleted: boolean }[]): Branch[] {
  const branches: Branch[] = [];
  steps.forEach(({ parent, start, deleted }, index) => {
    const parentBranch = parent === undefined || branches.length === 0 ? undefined : branches[parent % branches.length];
    const generation = parentBranch === undefined ? start : Number.parseInt(parentBranch.path[0], 10) + 1;
    const path: RevisionPath = [`${generation}-${id(index)}`, ...(parentBranch?.path ?? [])];
    branches.push({ path, content: deleted ? { kind: 'deleted' } : { kind: 'unreadable', reason: '' } });
  });
  return branches;
}

let counter = 0;

it('a tree grows as in the database, for revisions in any order and with repetitions', async () => {
  await fc.assert(
    fc.asyncProperty(growth, fc.array(fc.nat()), async (steps, order) => {
      const revisions = revisionsOf(steps);
      const sequence = [...order.map((n) => revisions[n % revisions.length]), ...revisions].filter(
        (branch) => branch !== undefined,
      );
      const db = new PouchDB(`tree-${counter++}`, { adapter: 'memory' });
      const tree: DocumentTree = RevisionTree.of();
      for (const branch of sequence) {
        const { path, content } = branch;
        const document = {
          _id: 'user_alice',
          _rev: path[0],
          _revisions: { start: Number.parseInt(path[0], 10), ids: path.map((rev) => rev.split('-')[1] ?? '') },
          ...(content.kind === 'deleted' ? { _deleted: true } : {}),
        };
        await db.bulkDocs([document], { new_edits: false });
        tree.add(path, content);
      }
      const stored = parseTree(await db.get('user_alice', { open_revs: 'all', revs: true }), readUserDocument);
      const pathsOf = (grown: DocumentTree): readonly RevisionPath[] => branchesOf(grown).map(({ path }) => path);
      expect(pathsOf(tree)).toEqual(pathsOf(stored));
      expect(liveLeaves(tree).map(({ rev }) => rev)).toEqual(liveLeaves(stored).map(({ rev }) => rev));
      await db.destroy();
    }),
    { numRuns: 60 },
  );
});

it.each([
  [{ start: 2, ids: [id(2), id(1)] }, [`2-${id(2)}`, `1-${id(1)}`]],
  [{ start: 1, ids: [id(2), id(1)] }, undefined],
  [{ start: 1, ids: [] }, undefined],
  [{ start: '1', ids: [id(1)] }, undefined],
  [{ start: 1.5, ids: [id(1)] }, undefined],
  [{ start: 1, ids: ['x'] }, undefined],
  [{ start: 1, ids: [1] }, undefined],
  [{ start: 1, ids: [[id(1)]] }, undefined],
  [null, undefined],
])('parses only a well-formed path: %j', (revisions, expected) => {
  expect(parseRevisionPath(revisions)).toEqual(expected);
});

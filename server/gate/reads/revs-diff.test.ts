import fc from 'fast-check';
import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { connect } from '../../upstream/client.ts';
import { RevisionTree } from '../revision-tree.ts';
import type { StoredRevisions } from '../stored-revisions.ts';
import { diffRevisions, parseRevsDiff, revsDiffResponse } from './revs-diff.ts';

const ownId = userDocumentId('alice' as Username);
const rev = (generation: number, n: number): string => `${generation}-${n.toString(16).padStart(32, '0')}`;
const merged = { into: rev(2, 9), revisions: [rev(2, 1), rev(2, 2)] };
const treeOf = (...leaves: readonly string[]): StoredRevisions =>
  RevisionTree.of(leaves.map((leaf) => ({ path: [leaf], content: { isDeleted: false } })));

describe('revisions that were merged into the document', () => {
  const own = [rev(2, 1), rev(3, 3)];

  it('are not missing while the database has the revision that contains them', () => {
    expect(diffRevisions(own, treeOf(rev(2, 9)), merged)).toEqual({ missing: [rev(3, 3)], ancestors: [rev(2, 9)] });
    expect(diffRevisions(own, treeOf(rev(2, 9)), undefined).missing).toEqual(own);
  });

  it('are missing once it has lost that revision', () => {
    expect(diffRevisions(own, treeOf(rev(2, 8)), merged).missing).toEqual(own);
  });

  it('leave no entry when nothing else is missing', () => {
    const request = parseRevsDiff({ [ownId]: merged.revisions }, ownId);
    const diff = diffRevisions(request.own, treeOf(rev(2, 9)), merged);
    expect(revsDiffResponse(request, ownId, diff)).toEqual({});
  });
});

it('other documents and invalid revisions are missing', () => {
  const request = parseRevsDiff({ [ownId]: [rev(1, 1), 'x'], user_bob: ['y'], none: [] }, ownId);
  const diff = diffRevisions(request.own, treeOf(rev(1, 1)), undefined);
  expect(revsDiffResponse(request, ownId, diff)).toEqual({ [ownId]: { missing: ['x'] }, user_bob: { missing: ['y'] } });
});

describe('with the database', () => {
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startTestGate();
  });
  afterAll(() => gate.close());

  /** Revisions of a random tree: each has an earlier one as its parent, or is a root of any generation. */
  const growth = fc.array(
    fc.record({ parent: fc.option(fc.nat()), start: fc.integer({ min: 1, max: 4 }), isDeleted: fc.boolean() }),
    { minLength: 1, maxLength: 12 },
  );
  const asked = fc.array(fc.record({ index: fc.nat(14), generation: fc.integer({ min: 1, max: 9 }) }), {
    maxLength: 8,
  });

  let users = 0;
  it('the response is the database’s own, for any tree and any revisions', async () => {
    await fc.assert(
      fc.asyncProperty(growth, asked, async (steps, others) => {
        const user = gate.upstream.accountName(`diff${(users += 1)}`);
        const id = `user_${user}`;
        const paths: string[][] = [];
        for (const { parent, start, isDeleted } of steps) {
          const base = parent === null || paths.length === 0 ? undefined : paths[parent % paths.length];
          const generation = base === undefined ? start : Number.parseInt(base[0] ?? '', 10) + 1;
          const path = [rev(generation, paths.length), ...(base ?? [])];
          const ids = path.map((each) => each.slice(each.indexOf('-') + 1));
          const row = { _id: id, _rev: path[0], _revisions: { start: generation, ids }, type: 'user_preferences' };
          await gate.registry().bulk({ new_edits: false, docs: [isDeleted ? { ...row, _deleted: true } : row] });
          paths.push(path);
        }
        const known = paths.flatMap(([leaf]) => leaf ?? []);
        const unknown = others.map(({ index, generation }) => rev(generation, index));
        const body = { [id]: [...new Set([...known, ...unknown])] };
        const response = await gate.request(user, '/_revs_diff', { method: 'POST', body });
        const expected: unknown = await connect(gate.upstream.access).request({
          db: gate.upstream.names.registry,
          path: '_revs_diff',
          method: 'POST',
          body,
        });
        expect(sorted(await response.json())).toEqual(sorted(expected));
      }),
      { numRuns: 60 },
    );
  });
});

/** CouchDB lists missing revisions in an order of its own. */
const sorted = (response: unknown): unknown =>
  Object.fromEntries(
    Object.entries(response as Record<string, { missing: string[] }>).map(([id, { missing, ...others }]) => [
      id,
      { missing: missing.toSorted(), ...others },
    ]),
  );

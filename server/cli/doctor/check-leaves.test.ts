import { startTestUpstream, type TestUpstream } from '../../testing/test-database.ts';
import { connect } from '../../upstream/client.ts';
import { evaluateLeaves, readLeafStatistics } from './check-leaves.ts';

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startTestUpstream();
  await connect(upstream.access).db.create(upstream.names.registry);
});
afterAll(() => upstream.close());

/** Stores a document with one live leaf and `deleted` deleted ones. */
async function storeLeaves(id: string, deleted: number): Promise<void> {
  const revision = (n: number): string => `1-${n.toString(16).padStart(32, '0')}`;
  const docs = Array.from({ length: deleted + 1 }, (_, n) => ({
    _id: id,
    _rev: revision(n),
    ...(n === 0 ? {} : { _deleted: true }),
  }));
  await upstream.registry().bulk({ docs, new_edits: false });
}

test('counts the documents with more than 32 leaves, deleted ones included, in pages of any size', async () => {
  const leafCounts = { user_a: 40, user_b: 31, user_c: 0, user_d: 32, user_e: 5, user_f: 99, user_g: 2 };
  for (const [id, deleted] of Object.entries(leafCounts)) await storeLeaves(id, deleted);
  const couch = connect(upstream.access);
  for (const pageSize of [1, 2, 3, 7, 100]) {
    expect(await readLeafStatistics({ couch }, upstream.names.registry, pageSize)).toEqual({
      count: 3,
      worst: [
        { id: 'user_f', leaves: 100 },
        { id: 'user_a', leaves: 41 },
        { id: 'user_d', leaves: 33 },
      ],
    });
  }
});

test('names at most twenty documents, the worst first, and what to do', async () => {
  for (let n = 0; n < 30; n += 1) await storeLeaves(`user_many${n}`, 100 + n);
  const { names, access } = upstream;
  const statistics = await readLeafStatistics({ couch: connect(access) }, names.registry, 4);
  expect([statistics.count, statistics.worst.length]).toEqual([33, 20]);
  const finding = evaluateLeaves(statistics);
  expect(finding.state).toBe('wrong');
  expect(finding.sentence).toMatch(
    /^33 documents have more than 32 leaves, .*: user_many29 \(130\), user_many28 \(129\), .* …\. Run .*repair NAME/,
  );
  expect(evaluateLeaves({ count: 1, worst: [{ id: 'user_f', leaves: 100 }] }).sentence).toMatch(
    /^1 document has .*: user_f \(100\)\. Run/,
  );
  expect(evaluateLeaves({ count: 0, worst: [] }).state).toBe('good');
});

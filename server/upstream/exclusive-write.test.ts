import { connect } from './client.ts';
import { startFakeUpstream, type FakeUpstream } from '../testing/fake-couchdb.ts';
import { startTestUpstream, type TestUpstream } from '../testing/test-database.ts';
import { writeExclusively } from './exclusive-write.ts';

/** A cluster's responses to concurrent writes and the leaves it stores, as seen on CouchDB 3.4.3 with three nodes. */
interface ClusterScenario {
  /** To the write, and to its reversal. */
  readonly responses: readonly [object, object?];
  readonly leaves: readonly {
    readonly rev: string;
    readonly parents?: readonly string[];
    readonly deleted?: boolean;
  }[];
}

const OWN_REVISION = '2-bb';
const accepted = { ok: true, id: 'x', rev: OWN_REVISION, accepted: true };
const leafOf = ({ rev, parents = [], deleted = false }: ClusterScenario['leaves'][number]): object => {
  const [generation = '0', id = ''] = rev.split('-');
  const _revisions = { start: Number(generation), ids: [id, ...parents] };
  return { ok: { _id: 'x', _rev: rev, _revisions, ...(deleted ? { _deleted: true } : {}) } };
};

let upstream: FakeUpstream | undefined;
afterEach(async () => {
  await upstream?.close();
  upstream = undefined;
});
async function startCluster({ responses, leaves }: ClusterScenario): Promise<FakeUpstream> {
  const remaining = [...responses];
  upstream = await startFakeUpstream((request, response) => {
    response.setHeader('content-type', 'application/json');
    const isWrite = request.method === 'POST';
    response.end(JSON.stringify(isWrite ? [remaining.shift()] : leaves.map(leafOf)));
  });
  return upstream;
}
const writtenDocuments = ({ requests }: FakeUpstream): readonly unknown[] =>
  requests.filter(({ method }) => method === 'POST').map(({ body }) => (JSON.parse(body) as { docs: unknown }).docs);

it('resolves with the revision that a quorum stored, after one request', async () => {
  const cluster = await startCluster({ responses: [{ ok: true, id: 'x', rev: '1-a' }], leaves: [] });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).toBe('1-a');
  expect(cluster.requests).toHaveLength(1);
});

it.each<[string, ClusterScenario['leaves']]>([
  [
    'a concurrent write with the same parent',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-cc', parents: ['a'] },
    ],
  ],
  [
    'a concurrent write that was updated since',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '3-dd', parents: ['cc', 'a'] },
    ],
  ],
  [
    'a concurrent deletion',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-cc', parents: ['a'], deleted: true },
    ],
  ],
])('reverts an accepted write beside %s', async (_name, leaves) => {
  const reversal = { ok: true, id: 'x', rev: '3-ff' };
  const cluster = await startCluster({ responses: [accepted, reversal], leaves });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x', _rev: '1-a' })).toBeUndefined();
  expect(writtenDocuments(cluster)[1]).toEqual([{ _id: 'x', _rev: OWN_REVISION, _deleted: true }]);
});

it('reverts an accepted first write of an id beside a concurrent one', async () => {
  const [own, reversal] = [
    { ok: true, id: 'x', rev: '1-b', accepted: true },
    { ok: true, id: 'x', rev: '2-e' },
  ];
  const cluster = await startCluster({ responses: [own, reversal], leaves: [{ rev: '1-b' }, { rev: '1-c' }] });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).toBeUndefined();
  expect(writtenDocuments(cluster)[1]).toEqual([{ _id: 'x', _rev: '1-b', _deleted: true }]);
});

it.each<[string, ClusterScenario['leaves']]>([
  ['without a sibling, while replicas are down', [{ rev: OWN_REVISION, parents: ['a'] }]],
  [
    'beside an earlier reverted branch',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-t', parents: ['z'], deleted: true },
    ],
  ],
  ['beside an earlier branch', [{ rev: OWN_REVISION, parents: ['a'] }, { rev: '1-q' }]],
])('keeps an accepted write %s', async (_name, leaves) => {
  const cluster = await startCluster({ responses: [accepted], leaves });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x', _rev: '1-a' })).toBe(OWN_REVISION);
  expect(writtenDocuments(cluster)).toHaveLength(1);
});

it('resolves with undefined for an accepted deletion, whose revision a concurrent deletion may share', async () => {
  const cluster = await startCluster({ responses: [accepted], leaves: [] });
  const deletion = { _id: 'x', _rev: '1-a', _deleted: true };
  expect(await writeExclusively(connect(cluster.access), 'db', deletion)).toBeUndefined();
});

it('rejects with 503 when an accepted write cannot be reverted because it was updated since', async () => {
  const leaves = [
    { rev: OWN_REVISION, parents: ['a'] },
    { rev: '2-cc', parents: ['a'] },
  ];
  const cluster = await startCluster({ responses: [accepted, { id: 'x', error: 'conflict' }], leaves });
  await expect(writeExclusively(connect(cluster.access), 'db', { _id: 'x', _rev: '1-a' })).rejects.toMatchObject({
    status: 503,
  });
});

it.each([
  ['another document', { ok: true, id: 'y', rev: '1-a' }, 502],
  ['a rejection', { id: 'x', error: 'forbidden', reason: 'no' }, 502],
  ['no row', null, 502],
])('rejects with 502 on a response with %s', async (_name, response, status) => {
  const cluster = await startCluster({ responses: [response as object], leaves: [] });
  await expect(writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).rejects.toMatchObject({ status });
});

describe('in the database', () => {
  let upstream: TestUpstream;
  const databases: string[] = [];
  beforeAll(async () => {
    upstream = await startTestUpstream();
  });
  afterAll(async () => {
    for (const name of databases) await connect(upstream.access).db.destroy(name);
    await upstream.close();
  });

  it('lets at most one of several concurrent writers on any node create, edit or delete a document', async () => {
    const database = `alone_${upstream.names.suffix}`;
    await connect(upstream.access).db.create(database);
    databases.push(database);
    const writers = [0, 1, 2].map(() => connect(upstream.nextAccess()));
    const race = async (document: Parameters<typeof writeExclusively>[2]): Promise<string | undefined> => {
      const results = await Promise.all(
        writers.map((couch, n) => writeExclusively(couch, database, { ...document, n })),
      );
      const [rev, ...others] = results.filter((result) => result !== undefined);
      expect(others).toEqual([]);
      return rev;
    };
    let winCount = 0;
    for (let round = 0; round < 20; round += 1) {
      const _id = `raced-${round}`;
      // When three writers meet on three nodes, each may revert its own write, and none succeeds.
      for (let rev = await race({ _id }), edits = 0; rev !== undefined && edits < 3; edits += 1) {
        winCount += 1;
        rev = await race({ _id, _rev: rev, ...(edits === 2 ? { _deleted: true } : {}) });
      }
    }
    expect(winCount).toBeGreaterThan(30);
  });
});

import { connect } from './client.ts';
import { startFakeUpstream, type FakeUpstream } from '../testing/fake-couchdb.ts';
import { startTestUpstream, type TestUpstream } from '../testing/test-database.ts';
import { writeExclusively } from './exclusive-write.ts';

/** What a cluster answers to writes that come at once, and stores of them: seen on CouchDB 3.4.3 with three nodes. */
interface ClusterScenario {
  /** To the first write, and to the one that takes it back. */
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
  const left = [...responses];
  upstream = await startFakeUpstream((request, response) => {
    response.setHeader('content-type', 'application/json');
    const isWrite = request.method === 'POST';
    response.end(JSON.stringify(isWrite ? [left.shift()] : leaves.map(leafOf)));
  });
  return upstream;
}
const writtenDocuments = ({ requests }: FakeUpstream): readonly unknown[] =>
  requests.filter(({ method }) => method === 'POST').map(({ body }) => (JSON.parse(body) as { docs: unknown }).docs);

it('who is stored by a quorum has it, and asks no more', async () => {
  const cluster = await startCluster({ responses: [{ ok: true, id: 'x', rev: '1-a' }], leaves: [] });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).toBe('1-a');
  expect(cluster.requests).toHaveLength(1);
});

it.each<[string, ClusterScenario['leaves']]>([
  [
    'a rival of the same parent',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-cc', parents: ['a'] },
    ],
  ],
  [
    'one that was edited meanwhile',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '3-dd', parents: ['cc', 'a'] },
    ],
  ],
  [
    'a rival that has deleted it',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-cc', parents: ['a'], deleted: true },
    ],
  ],
])('an accepted write beside %s is taken back', async (_name, leaves) => {
  const back = { ok: true, id: 'x', rev: '3-ff' };
  const cluster = await startCluster({ responses: [accepted, back], leaves });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x', _rev: '1-a' })).toBeUndefined();
  expect(writtenDocuments(cluster)[1]).toEqual([{ _id: 'x', _rev: OWN_REVISION, _deleted: true }]);
});

it('an accepted first write of an id beside another is taken back', async () => {
  const [own, back] = [
    { ok: true, id: 'x', rev: '1-b', accepted: true },
    { ok: true, id: 'x', rev: '2-e' },
  ];
  const cluster = await startCluster({ responses: [own, back], leaves: [{ rev: '1-b' }, { rev: '1-c' }] });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).toBeUndefined();
  expect(writtenDocuments(cluster)[1]).toEqual([{ _id: 'x', _rev: '1-b', _deleted: true }]);
});

it.each<[string, ClusterScenario['leaves']]>([
  ['alone, since copies are down', [{ rev: OWN_REVISION, parents: ['a'] }]],
  [
    'beside what was taken back long ago',
    [
      { rev: OWN_REVISION, parents: ['a'] },
      { rev: '2-t', parents: ['z'], deleted: true },
    ],
  ],
  ['beside a branch of before', [{ rev: OWN_REVISION, parents: ['a'] }, { rev: '1-q' }]],
])('an accepted write %s stands', async (_name, leaves) => {
  const cluster = await startCluster({ responses: [accepted], leaves });
  expect(await writeExclusively(connect(cluster.access), 'db', { _id: 'x', _rev: '1-a' })).toBe(OWN_REVISION);
  expect(writtenDocuments(cluster)).toHaveLength(1);
});

it('a deletion that is only accepted is nobody’s: another may have the same', async () => {
  const cluster = await startCluster({ responses: [accepted], leaves: [] });
  const deletion = { _id: 'x', _rev: '1-a', _deleted: true };
  expect(await writeExclusively(connect(cluster.access), 'db', deletion)).toBeUndefined();
});

it('what somebody has written upon cannot be taken back, and is told', async () => {
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
  ['a refusal', { id: 'x', error: 'forbidden', reason: 'no' }, 502],
  ['nothing', null, 502],
])('an answer about %s is none', async (_name, answer, status) => {
  const cluster = await startCluster({ responses: [answer as object], leaves: [] });
  await expect(writeExclusively(connect(cluster.access), 'db', { _id: 'x' })).rejects.toMatchObject({ status });
});

describe('in the database', () => {
  let stage: TestUpstream;
  const databases: string[] = [];
  beforeAll(async () => {
    stage = await startTestUpstream();
  });
  afterAll(async () => {
    for (const name of databases) await connect(stage.access).db.destroy(name);
    await stage.close();
  });

  it('of several who write at once, by whichever node, one has it: a first document, an edit, a deletion', async () => {
    const database = `alone_${stage.names.suffix}`;
    await connect(stage.access).db.create(database);
    databases.push(database);
    const writers = [0, 1, 2].map(() => connect(stage.nextAccess()));
    const race = async (document: Parameters<typeof writeExclusively>[2]): Promise<string | undefined> => {
      const told = await Promise.all(writers.map((couch, n) => writeExclusively(couch, database, { ...document, n })));
      const [rev, ...others] = told.filter((each) => each !== undefined);
      expect(others).toEqual([]);
      return rev;
    };
    let won = 0;
    for (let round = 0; round < 20; round += 1) {
      const _id = `raced-${round}`;
      // Of three who meet on three nodes it can be that none is told so, and all have taken theirs back.
      for (let rev = await race({ _id }), edits = 0; rev !== undefined && edits < 3; edits += 1) {
        won += 1;
        rev = await race({ _id, _rev: rev, ...(edits === 2 ? { _deleted: true } : {}) });
      }
    }
    expect(won).toBeGreaterThan(30);
  });
});

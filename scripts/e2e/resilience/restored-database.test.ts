import { setFaultStage } from './testing/stage.ts';
import { connect } from '../../../server/upstream/client.ts';
import { seqNumber } from '../../../server/upstream/feed/row.ts';
import { setUp } from '../../../server/upstream/schema/apply-schema.ts';
import { startUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';

/** The database comes back with another content: a backup, or another copy that has gone its own way. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };
const others: TestUpstream[] = [];
afterAll(() => Promise.all(others.map((other) => other.close())));

const countOf = async (upstream: TestUpstream): Promise<number> => {
  const { update_seq: sequence } = await upstream.registry().info();
  return seqNumber(String(sequence));
};

/** Another database, as a replication of this one's registry makes it. */
async function backup(): Promise<TestUpstream> {
  const other = await startUpstream();
  others.push(other);
  await setUp({ couch: connect(other.access), ...other.names });
  const { rows } = await stage.upstream.registry().list();
  for (const { id } of rows.filter(({ id: each }) => each.startsWith('user_'))) {
    const leaves = (await connect(stage.upstream.access).request({
      db: stage.upstream.names.registry,
      doc: id,
      qs: { open_revs: 'all', revs: 'true' },
    })) as { ok: object }[];
    await other.registry().bulk({ docs: leaves.map(({ ok }) => ok), new_edits: false });
  }
  return other;
}

/** The server stops, and another database stands there when it is back. */
async function restore(upstream: TestUpstream): Promise<void> {
  const { front, gate } = stage.fronted;
  await front.kill();
  front.moveTo(upstream);
  stage.upstream = upstream;
  expect(gate.pouchgate.hub.size).toBe(stage.live);
  await front.revive();
}

it('an older state of the database: fewer revisions, and a lower sequence', async () => {
  const old = await backup();
  await stage.write(50);
  await stage.everybodyTold();
  expect(await countOf(old)).toBeLessThan(await countOf(stage.upstream));
  const since = stage.mark();
  await restore(old);
  await stage.everybodyTold();
  // It goes on from there, with changes whose generations everybody has seen before.
  await stage.write(20);
  await stage.everybodyTold();
  const { clients, upstream } = since();
  expect(clients).toMatchObject(UNTROUBLED);
  // Once for each change, and a few times over for who may not believe at once what looks older than what they know.
  expect(upstream.length).toBeLessThan(20 * 4 + 60);
});

it.each([
  ['as high', 0],
  ['higher', 25],
] as const)('another history, whose sequence is %s', async (_name, more) => {
  const other = await backup();
  await stage.write(30);
  await stage.everybodyTold();
  const before = stage.upstream;
  stage.upstream = other;
  while ((await countOf(other)) < (await countOf(before)) + more) await stage.write(1);
  const since = stage.mark();
  await restore(other);
  await stage.everybodyTold();
  await stage.write(20);
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

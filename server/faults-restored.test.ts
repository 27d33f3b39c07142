import { randomBytes } from 'node:crypto';
import { SESSIONS_DB } from './config.ts';
import { setFaultStage } from './faults-stage.ts';
import { connect, type UpstreamAccess } from './upstream/couch.ts';
import { startEmbeddedEngine, type EmbeddedEngine } from './upstream/embedded.ts';
import { seqNumber } from './upstream/feed-row.ts';
import { setUp } from './upstream/set-up.ts';

/** The database comes back with another content: a backup, or another copy that has gone its own way. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };
const others: EmbeddedEngine[] = [];
afterAll(() => Promise.all(others.map((other) => other.close())));

const registryOf = (access: UpstreamAccess): ReturnType<ReturnType<typeof connect>['use']> =>
  connect(access).use('user_registry');
const countOf = async (access: UpstreamAccess): Promise<number> => {
  const { update_seq: sequence } = await registryOf(access).info();
  return seqNumber(String(sequence));
};

/** Another database, as a replication of this one's registry makes it. */
async function backup(): Promise<UpstreamAccess> {
  const other = await startEmbeddedEngine({
    storage: { kind: 'memory', name: `restored-${randomBytes(6).toString('hex')}` },
  });
  others.push(other);
  await setUp({ couch: connect(other.access), registry: 'user_registry', sessions: SESSIONS_DB });
  const { rows } = await registryOf(stage.engine).list();
  for (const { id } of rows.filter(({ id: each }) => each.startsWith('user_'))) {
    const leaves = (await connect(stage.engine).request({
      db: 'user_registry',
      doc: id,
      qs: { open_revs: 'all', revs: 'true' },
    })) as { ok: object }[];
    await registryOf(other.access).bulk({ docs: leaves.map(({ ok }) => ok), new_edits: false });
  }
  return other.access;
}

/** The server stops, and another database stands there when it is back. */
async function restore(access: UpstreamAccess): Promise<void> {
  const { front, gate } = stage.fronted;
  await front.kill();
  front.moveTo(access);
  stage.engine = access;
  expect(gate.pouchgate.hub.size).toBe(stage.live);
  await front.revive();
}

it('an older state of the database: fewer revisions, and a lower sequence', async () => {
  const old = await backup();
  await stage.write(50);
  await stage.everybodyTold();
  expect(await countOf(old)).toBeLessThan(await countOf(stage.engine));
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
  const before = stage.engine;
  stage.engine = other;
  while ((await countOf(other)) < (await countOf(before)) + more) await stage.write(1);
  const since = stage.mark();
  await restore(other);
  await stage.everybodyTold();
  await stage.write(20);
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

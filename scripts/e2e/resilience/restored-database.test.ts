import { setUpFaultFixture } from './testing/fault-fixture.ts';
import { connect } from '../../../server/upstream/client.ts';
import { seqNumber } from '../../../server/upstream/feed/row.ts';
import { applySchema } from '../../../server/upstream/schema/apply-schema.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';

/** The database returns with other content: a backup, or a copy with a diverged history. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };
const otherDatabases: TestUpstream[] = [];
afterAll(() => Promise.all(otherDatabases.map((other) => other.close())));

const readUpdateSeq = async (upstream: TestUpstream): Promise<number> => {
  const { update_seq: sequence } = await upstream.registry().info();
  return seqNumber(String(sequence));
};

/** Creates another database as a replica of this registry. */
async function createBackup(): Promise<TestUpstream> {
  const other = await startTestUpstream();
  otherDatabases.push(other);
  await applySchema({ couch: connect(other.access), ...other.names });
  const { rows } = await fixture.upstream.registry().list();
  for (const { id } of rows.filter((row) => row.id.startsWith('user_'))) {
    const leaves = (await connect(fixture.upstream.access).request({
      db: fixture.upstream.names.registry,
      doc: id,
      qs: { open_revs: 'all', revs: 'true' },
    })) as { ok: object }[];
    await other.registry().bulk({ docs: leaves.map(({ ok }) => ok), new_edits: false });
  }
  return other;
}

/** Stops the database server and restarts it with another database. */
async function restoreBackup(upstream: TestUpstream): Promise<void> {
  const { proxy, gate } = fixture.proxied;
  await proxy.kill();
  proxy.redirectTo(upstream);
  fixture.upstream = upstream;
  expect(gate.pouchgate.hub.size).toBe(fixture.liveRequestCount);
  await proxy.restart();
}

it('converges after a restore to an older state with fewer revisions and a lower sequence', async () => {
  const old = await createBackup();
  await fixture.writeEdits(50);
  await fixture.waitForConvergence();
  expect(await readUpdateSeq(old)).toBeLessThan(await readUpdateSeq(fixture.upstream));
  const since = fixture.startMeasuring();
  await restoreBackup(old);
  await fixture.waitForConvergence();
  // Later changes have generations that every client has seen before.
  await fixture.writeEdits(20);
  await fixture.waitForConvergence();
  const { clientCounts, upstreamRequests } = since();
  expect(clientCounts).toMatchObject(NO_FAILURES);
  // One read per change, and some repeated reads, because a state older than the client's is not accepted at once.
  expect(upstreamRequests.length).toBeLessThan(20 * 4 + 60);
});

it.each([
  ['as high', 0],
  ['higher', 25],
] as const)('converges after a switch to a diverged history with a sequence %s', async (_name, difference) => {
  const other = await createBackup();
  await fixture.writeEdits(30);
  await fixture.waitForConvergence();
  const original = fixture.upstream;
  fixture.upstream = other;
  while ((await readUpdateSeq(other)) < (await readUpdateSeq(original)) + difference) await fixture.writeEdits(1);
  const since = fixture.startMeasuring();
  await restoreBackup(other);
  await fixture.waitForConvergence();
  await fixture.writeEdits(20);
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { setUpFaultFixture } from './testing/fault-fixture.ts';
import { startLiveClient } from '../../../server/testing/live-client.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { dropConnection } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedRequest } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The feed of sessions is disconnected while the feed of documents is connected. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };
let otherGate: TestGate;
beforeAll(async () => {
  otherGate = await startTestGate({}, { upstream: fixture.upstream });
});
afterAll(() => otherGate.close());

it('ends the live requests of a session signed out on another gate once the feed is back, and no others', async () => {
  const { proxy, gate } = fixture.proxied;
  const { hub, identity } = gate.pouchgate;
  const username = parseUsername('fault5');
  if (username === undefined) throw new Error('not a username');
  const startSession = async (feed: 'longpoll' | 'continuous') => {
    const { session } = await otherGate.pouchgate.identity.sessions.start(username, 'test');
    const token = gate.token(username, { sid: session.id });
    const client = startLiveClient({ database: gate.database, token, username, feed });
    return { session, client };
  };
  const leaving = [await startSession('longpoll'), await startSession('continuous')];
  const staying = await startSession('longpoll');
  const leavingClients = leaving.map(({ client }) => client);
  const all = [...leavingClients, staying.client];
  try {
    await fixture.waitForConvergence(all);

    const since = fixture.startMeasuring();
    proxy.fault = dropConnection(isFeedRequest(fixture.names.sessions));
    proxy.dropConnections();
    await eventually(() => !identity.accessMonitor.connected && hub.connected);
    for (const { session } of leaving) await otherGate.pouchgate.identity.sessions.end(username, session.id);
    // A session that is not signed out receives changes in the meantime. One that is signed out is refused as soon as the
    // gate reads it again, which it does at intervals while the feed is disconnected.
    await fixture.writeEdits(20);
    await fixture.waitForConvergence([staying.client], undefined, leavingClients);
    expect([identity.accessMonitor.connected, await fixture.isReady()]).toEqual([false, false]);

    fixture.clearFaults();
    await eventually(() => identity.accessMonitor.connected);
    // A live response lasts at least a second, so that an empty one causes no polling loop.
    await eventually(() => leavingClients.every(({ parked, counts }) => !parked && counts.refused > 0));
    for (const client of leavingClients) client.close();
    await fixture.waitForConvergence([staying.client]);
    expect(since().clientCounts).toMatchObject(NO_FAILURES);
    expect(staying.client.counts).toMatchObject(NO_FAILURES);
    for (const { counts } of leavingClients) expect(counts.lost).toBe(0);
  } finally {
    for (const client of all) client.close();
  }
});

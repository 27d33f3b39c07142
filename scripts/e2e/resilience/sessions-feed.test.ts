import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { setFaultStage } from './testing/stage.ts';
import { startLiveClient } from '../../../server/testing/live-client.ts';
import { startForTests, type TestGate } from '../../../server/testing/test-gate.ts';
import { breaking } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedOf } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The feed that tells of ended sessions is down, and that of documents is not. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };
let elsewhere: TestGate;
beforeAll(async () => {
  elsewhere = await startForTests({}, { upstream: stage.upstream });
});
afterAll(() => elsewhere.close());

it('a sign-out elsewhere ends the live requests of its session soon after that feed is back, and no others', async () => {
  const { front, gate } = stage.fronted;
  const { hub, identity } = gate.pouchgate;
  const username = parseUsername('fault5');
  if (username === undefined) throw new Error('that is a username');
  const live = async (feed: 'longpoll' | 'continuous') => {
    const { session } = await elsewhere.pouchgate.identity.sessions.start(username, 'test');
    const token = gate.token(username, { sid: session.id });
    const client = startLiveClient({ database: gate.database, token, username, feed });
    return { session, client };
  };
  const leaving = [await live('longpoll'), await live('continuous')];
  const staying = await live('longpoll');
  const all = [...leaving, staying].map(({ client }) => client);
  try {
    await stage.everybodyTold(10_000, all);

    const since = stage.mark();
    front.fault = breaking(isFeedOf(stage.names.sessions));
    front.cut();
    await eventually(() => !identity.rights.up && hub.up);
    for (const { session } of leaving) await elsewhere.pouchgate.identity.sessions.end(username, session.id);
    // Who has not signed out is told of changes all the while.
    await stage.write(20);
    await stage.everybodyTold(10_000, all);
    expect([identity.rights.up, await stage.ready()]).toEqual([false, false]);

    stage.heal();
    await eventually(() => identity.rights.up);
    // A live answer is held for a second at the least, so that an empty one makes no loop.
    await eventually(() => leaving.every(({ client }) => !client.parked && client.counts.refused > 0), 4_000);
    for (const { client } of leaving) client.close();
    await stage.everybodyTold(10_000, [staying.client]);
    expect(since().clients).toMatchObject(UNTROUBLED);
    expect(staying.client.counts).toMatchObject(UNTROUBLED);
    for (const { client } of leaving) expect(client.counts.lost).toBe(0);
  } finally {
    for (const client of all) client.close();
  }
});

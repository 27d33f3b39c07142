import { setFaultStage } from './testing/stage.ts';
import { startLiveClient, sumOf, type LiveClient } from '../../../server/testing/live-client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** Requests that came while the upstream was hung, each with a read under way that is never answered. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };

it('requests that hang with the upstream hold nobody up once it is back', async () => {
  const { gate } = stage.fronted;
  const { hub } = gate.pouchgate;
  const late: LiveClient[] = [];
  const since = stage.mark();
  stage.hang();
  await eventually(() => !hub.up);
  // One after another, so that each is a read of its own upstream, as clients come in life.
  for (let n = 0; n < 12; n += 1) {
    const username = `fault${n % 8}`;
    late.push(startLiveClient({ database: gate.database, token: gate.token(username), username, feed: 'longpoll' }));
    await eventually(() => hub.size === stage.live + n + 1);
  }
  await stage.write(30);
  stage.heal();
  try {
    // Those who were parked; hub.size counts the latecomers too.
    await stage.everybodyTold(10_000, late);
    expect(since().clients).toMatchObject(UNTROUBLED);
    expect(sumOf(late).lost).toBe(0);
  } finally {
    for (const client of late) client.close();
    // Whatever still hangs ends now, so that the next test does not wait for it.
    stage.fronted.front.cut();
  }
  await eventually(() => hub.size === stage.live);
});

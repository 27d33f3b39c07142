import { setUpFaultFixture } from './testing/fault-fixture.ts';
import { startLiveClient, sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** Requests that came while the upstream was hung, each with a read under way that is never answered. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };

it('requests that hang with the upstream hold nobody up once it is back', async () => {
  const { gate } = fixture.proxied;
  const { hub } = gate.pouchgate;
  const late: LiveClient[] = [];
  const since = fixture.startMeasuring();
  fixture.hangUpstream();
  await eventually(() => !hub.connected);
  // One after another, so that each is a read of its own upstream, as clients come in life.
  for (let n = 0; n < 12; n += 1) {
    const username = `fault${n % 8}`;
    late.push(startLiveClient({ database: gate.database, token: gate.token(username), username, feed: 'longpoll' }));
    await eventually(() => hub.size === fixture.liveRequestCount + n + 1);
  }
  await fixture.writeEdits(30);
  fixture.clearFaults();
  try {
    // Those who were parked; hub.size counts the latecomers too.
    await fixture.waitForConvergence(10_000, late);
    expect(since().clientCounts).toMatchObject(NO_FAILURES);
    expect(sumCounts(late).lost).toBe(0);
  } finally {
    for (const client of late) client.close();
    // Whatever still hangs ends now, so that the next test does not wait for it.
    fixture.proxied.proxy.dropConnections();
  }
  await eventually(() => hub.size === fixture.liveRequestCount);
});

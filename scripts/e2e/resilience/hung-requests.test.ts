import { setUpFaultFixture } from './testing/fault-fixture.ts';
import { startLiveClient, sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** Requests received while the upstream hangs, each with a pending read that never gets a response. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };

it('requests that hung with the upstream delay no client after its recovery', async () => {
  const { gate } = fixture.proxied;
  const { hub } = gate.pouchgate;
  const lateClients: LiveClient[] = [];
  const since = fixture.startMeasuring();
  fixture.hangUpstream();
  await eventually(() => !hub.connected);
  // One after another, so that each causes a separate read, as with real clients.
  for (let n = 0; n < 12; n += 1) {
    const username = `fault${n % 8}`;
    const before = hub.size;
    const client = startLiveClient({
      database: gate.database,
      token: gate.token(username),
      username,
      feed: 'longpoll',
    });
    lateClients.push(client);
    // On a slow machine the reads of earlier clients have timed out by now, and those clients reconnect.
    await eventually(() => hub.size > before || client.counts.requests > 1);
  }
  await fixture.writeEdits(30);
  fixture.clearFaults();
  try {
    // The hub's size includes the late clients.
    await fixture.waitForConvergence(lateClients);
    expect(since().clientCounts).toMatchObject(NO_FAILURES);
    expect(sumCounts(lateClients).lost).toBe(0);
  } finally {
    for (const client of lateClients) client.close();
    // End all hanging requests, so that the next test does not wait for them.
    fixture.proxied.proxy.dropConnections();
  }
  await eventually(() => hub.size === fixture.liveRequestCount);
});

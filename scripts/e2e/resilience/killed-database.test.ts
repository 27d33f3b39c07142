import { setUpFaultFixture } from './testing/fault-fixture.ts';
import { respondWith, dropConnection } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedRequest } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream or its feed disconnects and returns. No client is disconnected, and no change is lost. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };

it('recovers when the upstream is killed and restarted', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  await proxy.kill();
  await eventually(() => !gate.pouchgate.hub.connected);
  expect(await fixture.isReady()).toBe(false);
  await fixture.writeEdits(40);
  expect(gate.pouchgate.hub.size).toBe(fixture.liveRequestCount);
  expect(since().clientCounts.requests).toBe(0);
  await proxy.restart();
  await fixture.waitForConvergence();
  await eventually(fixture.isReady);
  const { clientCounts, upstreamRequests } = since();
  expect(clientCounts).toMatchObject(NO_FAILURES);
  // One request reads the eight documents, and a few serve the clients that poll again.
  expect(upstreamRequests.length).toBeLessThan(20);
});

it('recovers when the upstream closes every connection at its first request', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = dropConnection();
  await fixture.disconnectFeeds();
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 5);
  expect(await fixture.isReady()).toBe(false);
  expect(since()).toMatchObject({ peerRequestCount: 0, clientCounts: { ...NO_FAILURES, requests: 0 } });
  fixture.clearFaults();
  await eventually(() => gate.pouchgate.hub.connected);
  expect(await stop()).toBeGreaterThan(10);
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

it('recovers when the feed repeatedly ends at once without an error', async () => {
  const { proxy } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = respondWith(200, '\n')(isFeedRequest(fixture.names.registry));
  await fixture.disconnectFeeds();
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 5);
  expect(await stop()).toBeGreaterThan(10);
  const { clientCounts, upstreamRequests } = since();
  expect(clientCounts).toMatchObject(NO_FAILURES);
  // Each time the feed was connected briefly, waiters received the changes they had missed, and polled again.
  expect(clientCounts.rows).toBeGreaterThan(0);
  expect(clientCounts.requests).toBeLessThanOrEqual(clientCounts.rows);
  const reads = upstreamRequests.filter((request) => request.includes('filter=_doc_ids'));
  expect(reads.length).toBeLessThan(10 + clientCounts.requests / 2);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { HEARTBEAT_MS, setUpFaultFixture } from './testing/fault-fixture.ts';
import { neverRespond, isFeedRequest } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream accepts requests and never responds, not even after it has recovered. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };
/** Limit for the detection of a silent feed, in ms, with a margin for a busy machine. */
const DETECTION_TIMEOUT_MS = HEARTBEAT_MS * 2.5 + scaleMs(1_500);

it('detects a silent feed within its limit, and recovers without losing a change', async () => {
  const { hub } = fixture.proxied.gate.pouchgate;
  const since = fixture.startMeasuring();
  fixture.hangUpstream();
  await eventually(() => !hub.connected, DETECTION_TIMEOUT_MS);
  expect(await fixture.isReady()).toBe(false);
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 4);
  expect(since()).toMatchObject({ peerRequestCount: 0, clientCounts: { ...NO_FAILURES, requests: 0 } });
  expect(await stop()).toBeGreaterThan(10);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  await eventually(fixture.isReady);
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

it('retries a feed without response headers, and serves reads in the meantime', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = neverRespond(isFeedRequest(fixture.names.registry));
  await fixture.disconnectFeeds();
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 4);
  expect(await fixture.isReady()).toBe(false);
  const response = await gate.request('fault3', '/_changes');
  expect(await response.json()).toMatchObject({ results: [{ id: 'user_fault3' }] });
  expect(since()).toMatchObject({ peerRequestCount: 0, clientCounts: { ...NO_FAILURES, requests: 0 } });
  expect(await stop()).toBeGreaterThan(10);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

import { HEARTBEAT_MS, setUpFaultFixture } from './testing/fault-fixture.ts';
import { neverRespond, isFeedRequest } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream accepts and says nothing, and what it was asked meanwhile it does not answer afterwards either. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };
/** How soon silence is noticed, in ms, with time for a busy machine. */
const DETECTION_TIMEOUT_MS = HEARTBEAT_MS * 2.5 + 1_500;

it('a feed that falls silent is noticed within its bound, and given up as soon as another one runs', async () => {
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

it("a feed whose head never comes is tried anew, and those who ask meanwhile get their own document's state", async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = neverRespond(isFeedRequest(fixture.names.registry));
  await fixture.disconnectFeeds();
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 4);
  expect(await fixture.isReady()).toBe(false);
  const asked = await gate.request('fault3', '/_changes');
  expect(await asked.json()).toMatchObject({ results: [{ id: 'user_fault3' }] });
  expect(since()).toMatchObject({ peerRequestCount: 0, clientCounts: { ...NO_FAILURES, requests: 0 } });
  expect(await stop()).toBeGreaterThan(10);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

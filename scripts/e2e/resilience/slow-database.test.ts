import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { setUpFaultFixture } from './testing/fault-fixture.ts';
import {
  breakInsideCharacter,
  isFeedRequest,
  delayResponse,
  sendByteByByte,
} from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream's bytes arrive late, in small pieces, or incompletely. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };

/** Inserts a document of no user, whose id has characters of two, three and four bytes. */
const insertUnrelatedDocument = (): Promise<unknown> =>
  fixture.upstream.registry().insert({ _id: `note-é€😀-${performance.now()}` });

it('reads responses that arrive byte by byte, multi-byte characters included', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.transform = sendByteByByte(0);
  for (let n = 0; n < 5; n += 1) {
    await insertUnrelatedDocument();
    await fixture.writeEdits(8);
  }
  await fixture.waitForConvergence();
  expect(gate.pouchgate.hub.connected).toBe(true);
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
  // The feed was not requested again.
  expect(since().upstreamRequests.filter((request) => request.includes('feed=continuous'))).toEqual([]);
});

it('resumes a feed that is repeatedly cut within a character', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.transform = breakInsideCharacter(isFeedRequest(fixture.names.registry));
  await insertUnrelatedDocument();
  await eventually(() => !gate.pouchgate.hub.connected);
  await fixture.writeEdits(20);
  await fixture.waitForFeedAttempts(since, 4);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

it('stays connected to a slow upstream, and delivers its changes to all clients', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = delayResponse(500);
  proxy.transform = sendByteByByte(5);
  await fixture.writeEdits(4);
  await fixture.waitForConvergence([], scaleMs(25_000));
  expect(gate.pouchgate.hub.connected).toBe(true);
  const { clientCounts, upstreamRequests, peerRequestCount } = since();
  expect(clientCounts).toMatchObject(NO_FAILURES);
  expect(upstreamRequests.length).toBeLessThan(clientCounts.requests + 4 * peerRequestCount);
});

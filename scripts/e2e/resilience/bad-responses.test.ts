import { setUpFaultFixture } from './testing/fault-fixture.ts';
import type { Measurements } from './testing/feed-attempts.ts';
import { respondWith, type Fault } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedRequest, isLeafRead, sendUnfinishedBody } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream sends invalid responses. */

const fixture = setUpFaultFixture();
const NO_FAILURES = { refused: 0, empty: 0, lost: 0 };
const isRegistryFeed = isFeedRequest(fixture.names.registry);
const serverError = respondWith(500, '{"error":"internal_server_error","reason":"badmatch"}');
const OVERSIZED_LINE = 'x'.repeat(17 * 1024 * 1024);

it.each<[string, Fault]>([
  ['500 to all requests', serverError()],
  ['500 to the feed', serverError(isRegistryFeed)],
  ['an HTML page instead of the feed', respondWith(200, '<html>\n<body>Later</body>\n', {})(isRegistryFeed)],
  ['a feed with a malformed line', sendUnfinishedBody('{"seq":1,"id":["user_fault0"],"changes":[]}\n', isRegistryFeed)],
  ['a feed with an endless line', sendUnfinishedBody(OVERSIZED_LINE, isRegistryFeed)],
])('%s: no client is disconnected, retries back off, and no change is lost', async (_name, fault) => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = fault;
  await fixture.disconnectFeeds();
  const stop = fixture.startWriting();
  await fixture.waitForFeedAttempts(since, 4);
  expect([await fixture.isReady(), gate.pouchgate.hub.connected]).toEqual([false, false]);
  expect(since()).toMatchObject({ peerRequestCount: 0, clientCounts: { ...NO_FAILURES, requests: 0 } });
  expect(await stop()).toBeGreaterThan(5);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject(NO_FAILURES);
});

const countLeafReads = ({ upstreamRequests }: Measurements): number =>
  upstreamRequests.filter((request) => request.includes('filter=_doc_ids')).length;

it('500 to leaf reads: waiters are served by the feed, new requests get 502, and no change is lost', async () => {
  const { proxy, gate } = fixture.proxied;
  const since = fixture.startMeasuring();
  proxy.fault = serverError(isLeafRead);
  // The known leaves are dropped with the feed, and the reads for every waiter fail.
  await fixture.disconnectFeeds();
  await eventually(() => gate.pouchgate.hub.connected);
  expect(since().clientCounts.requests).toBe(0);
  await fixture.writeEdits(40);
  await eventually(() => since().clientCounts.rows >= fixture.liveRequestCount / 2);
  const response = await gate.request('fault4', '/_changes');
  expect(response.status).toBe(502);
  const { clientCounts, peerRequestCount, elapsedMs } = since();
  expect(clientCounts).toMatchObject({ empty: 0, lost: 0 });
  // The leaves of all waiters are read again once a second, in one request.
  expect(countLeafReads(since())).toBeLessThan(10 + clientCounts.requests + peerRequestCount + (2 * elapsedMs) / 1_000);
  fixture.clearFaults();
  await fixture.waitForConvergence();
  expect(since().clientCounts).toMatchObject({ empty: 0, lost: 0 });
});

import { setFaultStage, type Since } from './testing/stage.ts';
import { answering, type Fault } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedOf, isLeavesRead, saying } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream does answer, but not with what was asked for. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };
const isFeed = isFeedOf(stage.names.registry);
const failing = answering(500, '{"error":"internal_server_error","reason":"badmatch"}');
const LONGER_THAN_ANY_LINE = 'x'.repeat(17 * 1024 * 1024);

it.each<[string, Fault]>([
  ['500 to everything', failing()],
  ['500 in place of the feed', failing(isFeed)],
  ['a page of HTML in place of the feed', answering(200, '<html>\n<body>Later</body>\n', {})(isFeed)],
  ['a feed of a line that is none', saying('{"seq":1,"id":["user_fault0"],"changes":[]}\n', isFeed)],
  ['a feed of a line that never ends', saying(LONGER_THAN_ANY_LINE, isFeed)],
])('%s: nobody is told to go, the upstream is asked ever more seldom, and nothing is lost', async (_name, fault) => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.fault = fault;
  await stage.loseFeeds();
  const stop = stage.keepWriting();
  await stage.attempts(since, 4);
  expect([await stage.ready(), gate.pouchgate.hub.up]).toEqual([false, false]);
  expect(since()).toMatchObject({ peer: 0, clients: { ...UNTROUBLED, requests: 0 } });
  expect(await stop()).toBeGreaterThan(5);
  stage.heal();
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

const leavesReads = ({ upstream }: Since): number =>
  upstream.filter((request) => request.includes('filter=_doc_ids')).length;

it('500 to reads of leaves alone: who waits is told by the feed, who asks is refused, and nothing is lost', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.fault = failing(isLeavesRead);
  // What is known from before is forgotten with the feed, and everybody is read again, in vain.
  await stage.loseFeeds();
  await eventually(() => gate.pouchgate.hub.up);
  expect(since().clients.requests).toBe(0);
  await stage.write(40);
  await eventually(() => since().clients.rows >= stage.live / 2);
  const refused = await gate.request('fault4', '/_changes');
  expect(refused.status).toBe(502);
  const { clients, peer, time } = since();
  expect(clients).toMatchObject({ empty: 0, lost: 0 });
  // Those who wait are read again once a second, in one request.
  expect(leavesReads(since())).toBeLessThan(10 + clients.requests + peer + (2 * time) / 1_000);
  stage.heal();
  await stage.everybodyTold();
  expect(since().clients).toMatchObject({ empty: 0, lost: 0 });
});

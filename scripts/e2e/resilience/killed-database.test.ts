import { setFaultStage } from './testing/stage.ts';
import { answering, breaking } from '../../../server/testing/faulty-database-proxy.ts';
import { isFeedOf } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream goes away and comes back, or its feed does: nobody is told to go, and nothing is lost. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };

it('killed and started again: connections are reset, then the port is closed', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  await front.kill();
  await eventually(() => !gate.pouchgate.hub.up);
  expect(await stage.ready()).toBe(false);
  await stage.write(40);
  expect(gate.pouchgate.hub.size).toBe(stage.live);
  expect(since().clients.requests).toBe(0);
  await front.revive();
  await stage.everybodyTold();
  await eventually(stage.ready);
  const { clients, upstream } = since();
  expect(clients).toMatchObject(UNTROUBLED);
  // The eight documents are read in one request, and those who ask again in a few.
  expect(upstream.length).toBeLessThan(20);
});

it('every connection is broken as soon as something is asked', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.fault = breaking();
  await stage.loseFeeds();
  const stop = stage.keepWriting();
  await stage.attempts(since, 5);
  expect(await stage.ready()).toBe(false);
  expect(since()).toMatchObject({ peer: 0, clients: { ...UNTROUBLED, requests: 0 } });
  stage.heal();
  await eventually(() => gate.pouchgate.hub.up);
  expect(await stop()).toBeGreaterThan(10);
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

it('the feed ends cleanly at once, again and again', async () => {
  const { front } = stage.fronted;
  const since = stage.mark();
  front.fault = answering(200, '\n')(isFeedOf(stage.names.registry));
  await stage.loseFeeds();
  const stop = stage.keepWriting();
  await stage.attempts(since, 5);
  expect(await stop()).toBeGreaterThan(10);
  const { clients, upstream } = since();
  expect(clients).toMatchObject(UNTROUBLED);
  // Each time that it was up for a moment, those who waited were told what they had missed, and asked again.
  expect(clients.rows).toBeGreaterThan(0);
  expect(clients.requests).toBeLessThanOrEqual(clients.rows);
  const reads = upstream.filter((request) => request.includes('filter=_doc_ids'));
  expect(reads.length).toBeLessThan(10 + clients.requests / 2);
  stage.heal();
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

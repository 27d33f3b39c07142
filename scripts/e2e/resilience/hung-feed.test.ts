import { HEARTBEAT, setFaultStage } from './testing/stage.ts';
import { hanging, isFeedOf } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream accepts and says nothing, and what it was asked meanwhile it does not answer afterwards either. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };
/** How soon silence is noticed, in ms, with time for a busy machine. */
const NOTICED = HEARTBEAT * 2.5 + 1_500;

it('a feed that falls silent is noticed within its bound, and given up as soon as another one runs', async () => {
  const { hub } = stage.fronted.gate.pouchgate;
  const since = stage.mark();
  stage.hang();
  await eventually(() => !hub.up, NOTICED);
  expect(await stage.ready()).toBe(false);
  const stop = stage.keepWriting();
  await stage.attempts(since, 4);
  expect(since()).toMatchObject({ peer: 0, clients: { ...UNTROUBLED, requests: 0 } });
  expect(await stop()).toBeGreaterThan(10);
  stage.heal();
  await stage.everybodyTold();
  await eventually(stage.ready);
  expect(since().clients).toMatchObject(UNTROUBLED);
});

it("a feed whose head never comes is tried anew, and those who ask meanwhile get their own document's state", async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.fault = hanging(isFeedOf(stage.names.registry));
  await stage.loseFeeds();
  const stop = stage.keepWriting();
  await stage.attempts(since, 4);
  expect(await stage.ready()).toBe(false);
  const asked = await gate.request('fault3', '/_changes');
  expect(await asked.json()).toMatchObject({ results: [{ id: 'user_fault3' }] });
  expect(since()).toMatchObject({ peer: 0, clients: { ...UNTROUBLED, requests: 0 } });
  expect(await stop()).toBeGreaterThan(10);
  stage.heal();
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

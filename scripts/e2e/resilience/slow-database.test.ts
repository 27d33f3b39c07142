import { setFaultStage } from './testing/stage.ts';
import { cutInCharacter, isFeedOf, late, trickling } from '../../../server/testing/database-faults.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** The upstream's bytes come late, a few at a time, or not to their end. */

const stage = setFaultStage();
const UNTROUBLED = { refused: 0, empty: 0, lost: 0 };

/** A document that nobody but an operator has, whose id has characters of two, three and four bytes. */
const strange = (): Promise<unknown> => stage.upstream.registry().insert({ _id: `note-é€😀-${performance.now()}` });

it('bytes that come one at a time are put together again, characters too', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.pace = trickling(0);
  for (let n = 0; n < 5; n += 1) {
    await strange();
    await stage.write(8);
  }
  await stage.everybodyTold();
  expect(gate.pouchgate.hub.up).toBe(true);
  expect(since().clients).toMatchObject(UNTROUBLED);
  // The feed has not been asked for anew.
  expect(since().upstream.filter((request) => request.includes('feed=continuous'))).toEqual([]);
});

it('a feed that is cut in the middle of a character, as often as it tells of it, goes on where it was', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.pace = cutInCharacter(isFeedOf(stage.names.registry));
  await strange();
  await eventually(() => !gate.pouchgate.hub.up);
  await stage.write(20);
  await stage.attempts(since, 4);
  stage.heal();
  await stage.everybodyTold();
  expect(since().clients).toMatchObject(UNTROUBLED);
});

it('an upstream that answers late and slowly is no upstream that is down: everybody is told by it', async () => {
  const { front, gate } = stage.fronted;
  const since = stage.mark();
  front.fault = late(500);
  front.pace = trickling(5);
  await stage.write(4);
  await stage.everybodyTold(25_000);
  expect(gate.pouchgate.hub.up).toBe(true);
  const { clients, upstream, peer } = since();
  expect(clients).toMatchObject(UNTROUBLED);
  expect(upstream.length).toBeLessThan(clients.requests + 4 * peer);
});

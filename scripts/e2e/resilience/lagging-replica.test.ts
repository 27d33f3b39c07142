import { isLeavesRead } from '../../../server/testing/database-faults.ts';
import {
  answering,
  startFrontedGate,
  type Fault,
  type FrontedGate,
} from '../../../server/testing/faulty-database-proxy.ts';

/** In a cluster a write is answered once most copies have it, and a read of leaves may come from one that has not. */

let fronted: FrontedGate;
beforeEach(async () => {
  fronted = await startFrontedGate();
});
afterEach(() => fronted.close());

const nothing = answering(200, '{"results":[],"last_seq":"0","pending":0}')(isLeavesRead);

/** So many reads of leaves come from a copy that has nothing yet. */
function lagging(reads: number): Fault {
  let left = reads;
  return (request, response) => isLeavesRead(request) && left-- > 0 && nothing(request, response);
}

it.each(['/_changes', '/_changes?feed=longpoll&heartbeat=1000'])(
  'whoever comes for the first time is told of the document that was made for them, by %s',
  async (path) => {
    fronted.front.fault = lagging(3);
    const answer = (await (await fronted.gate.request('newcomer', path)).json()) as { last_seq: string };
    expect(answer).toMatchObject({ results: [{ id: 'user_newcomer' }] });
    expect(answer.last_seq).toMatch(/^1-[0-9a-f]{32}$/);
  },
);

it('the database says that there is one document, not none', async () => {
  fronted.front.fault = lagging(2);
  expect(await (await fronted.gate.request('newcomer', '/')).json()).toMatchObject({ doc_count: 1 });
});

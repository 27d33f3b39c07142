import { isLeafRead } from '../../../server/testing/database-faults.ts';
import {
  respondWith,
  startProxiedGate,
  type Fault,
  type ProxiedGate,
} from '../../../server/testing/faulty-database-proxy.ts';

/** In a cluster a write is answered once most copies have it, and a read of leaves may come from one that has not. */

let proxied: ProxiedGate;
beforeEach(async () => {
  proxied = await startProxiedGate();
});
afterEach(() => proxied.close());

const emptyChanges = respondWith(200, '{"results":[],"last_seq":"0","pending":0}')(isLeafRead);

/** So many reads of leaves come from a copy that has nothing yet. */
function lagging(reads: number): Fault {
  let left = reads;
  return (request, response) => isLeafRead(request) && left-- > 0 && emptyChanges(request, response);
}

it.each(['/_changes', '/_changes?feed=longpoll&heartbeat=1000'])(
  'whoever comes for the first time is told of the document that was made for them, by %s',
  async (path) => {
    proxied.proxy.fault = lagging(3);
    const answer = (await (await proxied.gate.request('newcomer', path)).json()) as { last_seq: string };
    expect(answer).toMatchObject({ results: [{ id: 'user_newcomer' }] });
    expect(answer.last_seq).toMatch(/^1-[0-9a-f]{32}$/);
  },
);

it('the database says that there is one document, not none', async () => {
  proxied.proxy.fault = lagging(2);
  expect(await (await proxied.gate.request('newcomer', '/')).json()).toMatchObject({ doc_count: 1 });
});

import { isLeafRead } from '../../../server/testing/database-faults.ts';
import {
  respondWith,
  startProxiedGate,
  type Fault,
  type ProxiedGate,
} from '../../../server/testing/faulty-database-proxy.ts';

/** In a cluster, a write is acknowledged by most replicas, and a read of leaves may come from a replica without it. */

let proxied: ProxiedGate;
beforeEach(async () => {
  proxied = await startProxiedGate();
});
afterEach(() => proxied.close());

const emptyChanges = respondWith(200, '{"results":[],"last_seq":"0","pending":0}')(isLeafRead);

/** Serves this number of leaf reads from a replica without the document. */
function lagging(reads: number): Fault {
  let remaining = reads;
  return (request, response) => isLeafRead(request) && remaining-- > 0 && emptyChanges(request, response);
}

it.each(['/_changes', '/_changes?feed=longpoll&heartbeat=1000'])(
  'returns the created document of a new user from %s',
  async (path) => {
    proxied.proxy.fault = lagging(3);
    const body = (await (await proxied.gate.request('newcomer', path)).json()) as { last_seq: string };
    expect(body).toMatchObject({ results: [{ id: 'user_newcomer' }] });
    expect(body.last_seq).toMatch(/^1-[0-9a-f]{32}$/);
  },
);

it('reports one document in the database information of a new user', async () => {
  proxied.proxy.fault = lagging(2);
  expect(await (await proxied.gate.request('newcomer', '/')).json()).toMatchObject({ doc_count: 1 });
});

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import { startTestGate } from '../testing/test-gate.ts';
import { startTestUpstream } from '../testing/test-database.ts';
import { eventually } from '../testing/fake-couchdb.ts';

/** How long the gate lets a request wait, in ms: see lifecycle/admission-queue.ts. */
const MAX_WAIT_MS = 7_000;

/**
 * A TCP proxy to the upstream that counts its connections. A connection that replaces another one is not counted in addition
 * to it: its start may be processed before the end of the other one, which the same poll of the event loop reports.
 */
async function startCountingProxy(
  target: string,
): Promise<{ url: string; open: () => number; peak: () => number; close: () => void }> {
  let [open, peak] = [0, 0];
  const { hostname, port } = new URL(target);
  const server = net.createServer((client) => {
    let isOpen = true;
    open += 1;
    setImmediate(() => (peak = Math.max(peak, open)));
    const onEnd = (): void => {
      if (isOpen) open -= 1;
      isOpen = false;
    };
    const upstream = net.connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    client
      .on('end', onEnd)
      .on('error', () => upstream.destroy())
      .on('close', () => {
        onEnd();
        upstream.destroy();
      });
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, open: () => open, peak: () => peak, close: () => server.close() };
}

it('opens two feeds and at most 14 other connections to the database in a burst, and leaks none', async () => {
  const upstream = await startTestUpstream();
  const proxy = await startCountingProxy(upstream.nextAccess().url);
  const gate = await startTestGate({}, { upstream, access: { ...upstream.access, url: proxy.url } });
  await eventually(() => gate.pouchgate.hub.connected && gate.pouchgate.identity.accessMonitor.connected);

  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${gate.url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const startedAt = performance.now();
  const burst = Array.from({ length: 60 }, (_, n) => {
    const [username, password] = [`user${n}`, 'a password for tests'];
    return [
      gate.request(username, '/_changes'),
      gate.request(username, `/user_${username}`),
      gate.request(username, '/_revs_diff', {
        method: 'POST',
        body: { [`user_${username}`]: [`1-${'a'.repeat(32)}`] },
      }),
      gate.request(username, '/_local/checkpoint', {
        method: 'PUT',
        body: { _id: '_local/checkpoint', last_seq: '0' },
      }),
      post(n < 15 ? 'register' : 'sign-in', { username: upstream.accountName(`new${n}`), password }),
    ];
  }).flat();
  // The readiness check uses the same pool, and has a time limit of its own, which only a slow machine may exceed.
  const readiness = Array.from({ length: 60 }, () => fetch(`${gate.url}/readyz`));
  const statuses = new Set((await Promise.all(burst)).map(({ status }) => status));
  // No request was rejected: those beyond the limit waited. On a slow machine some wait for longer than the gate lets them.
  const busy = performance.now() - startedAt < MAX_WAIT_MS ? [] : [503];
  expect([...statuses].sort()).toEqual([200, 201, 401, 404, ...busy].filter((status) => statuses.has(status)));
  const allowed = scaleMs(1) === 1 ? [200, ...busy] : [200, 503];
  for (const { status } of await Promise.all(readiness)) expect(allowed).toContain(status);

  expect(proxy.peak()).toBeLessThanOrEqual(16);
  // The burst filled both pools.
  expect(proxy.peak()).toBe(16);
  await gate.close();
  await eventually(() => proxy.open() === 0);
  proxy.close();
  await upstream.close();
});

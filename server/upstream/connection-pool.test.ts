import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import { startTestGate } from '../testing/test-gate.ts';
import { startTestUpstream } from '../testing/test-database.ts';
import { eventually } from '../testing/fake-couchdb.ts';

/** The shortest time for which the gate waits for the database, in ms: see registry/leaf-reader.ts. */
const MIN_TIMEOUT_MS = 5_000;

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
  /** Resolves with the status; with undefined for a request that the database has not answered in time, on a slow machine. */
  const statusOf = async (response: Promise<Response>): Promise<number | undefined> => {
    const { status } = await response;
    return status === 503 && performance.now() - startedAt >= MIN_TIMEOUT_MS ? undefined : status;
  };
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
  const statuses = new Set(await Promise.all(burst.map(statusOf)));
  const allowed = scaleMs(1) === 1 ? [200] : [200, 503];
  for (const { status } of await Promise.all(readiness)) expect(allowed).toContain(status);

  // No request was rejected: those beyond the limit waited.
  statuses.delete(undefined);
  expect([...statuses].sort()).toEqual([200, 201, 401, 404].filter((status) => statuses.has(status)));
  expect(proxy.peak()).toBeLessThanOrEqual(16);
  // The burst filled both pools.
  expect(proxy.peak()).toBe(16);
  await gate.close();
  await eventually(() => proxy.open() === 0);
  proxy.close();
  await upstream.close();
});

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { startTestGate } from '../testing/test-gate.ts';
import { startTestUpstream } from '../testing/test-database.ts';
import { eventually } from '../testing/fake-couchdb.ts';

/** A line to the engine that counts its connections. */
async function startCountingProxy(
  target: string,
): Promise<{ url: string; open: () => number; peak: () => number; close: () => void }> {
  let [open, most] = [0, 0];
  const { hostname, port: farPort } = new URL(target);
  const server = net.createServer((near) => {
    open += 1;
    most = Math.max(most, open);
    const far = net.connect(Number(farPort), hostname);
    near.pipe(far).pipe(near);
    near
      .on('error', () => far.destroy())
      .on('close', () => {
        open -= 1;
        far.destroy();
      });
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, open: () => open, peak: () => most, close: () => server.close() };
}

it('whatever comes at once, the database sees the two feeds and at most 14 other connections, and none is left behind', async () => {
  const upstream = await startTestUpstream();
  const line = await startCountingProxy(upstream.nextAccess().url);
  const gate = await startTestGate({}, { upstream, access: { ...upstream.access, url: line.url } });
  await eventually(() => gate.pouchgate.hub.connected && gate.pouchgate.identity.accessMonitor.connected);

  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${gate.url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
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
      fetch(`${gate.url}/readyz`),
    ];
  }).flat();
  const statuses = new Set((await Promise.all(burst)).map(({ status }) => status));

  // Nobody was sent away: what had no place has waited for one.
  expect([...statuses].sort()).toEqual([200, 201, 401, 404].filter((status) => statuses.has(status)));
  expect(line.peak()).toBeLessThanOrEqual(16);
  // And it was a burst: both pools were in full use.
  expect(line.peak()).toBe(16);
  await gate.close();
  await eventually(() => line.open() === 0);
  line.close();
  await upstream.close();
});

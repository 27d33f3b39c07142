import jwt from 'jsonwebtoken';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { createDeviceFactory, waitForPreferences, waitForState } from '../testing/device.ts';
import { startLoadBalancer, type LoadBalancer } from './testing/load-balancer.ts';

/** Two gates behind a load balancer that retries nothing are restarted one after the other under steady requests. */

/** Far longer than the interval of the load balancer's checks. */
const LEAD_SECONDS = '1';
const READERS = 8;
const SECRET = 'a secret for tests that both gates have in common';

let upstream: TestUpstream;
let gates: readonly [TestGate, TestGate];
let balancer: LoadBalancer;
const token = (username: string): string => jwt.sign({ sub: username }, SECRET, { expiresIn: 3_600 });
const devices = createDeviceFactory(() => ({
  registryUrl: `${balancer.url}/sync/${upstream.names.registry}`,
  token,
}));

beforeEach(async () => {
  upstream = await startTestUpstream();
  const start = (): Promise<TestGate> =>
    startTestGate({ JWT_SECRET: SECRET, DRAIN_LEAD_SECONDS: LEAD_SECONDS }, { upstream });
  gates = [await start(), await start()];
  balancer = await startLoadBalancer(gates.map(({ url }) => url));
  await eventually(async () => (await fetch(`${balancer.url}/readyz`)).status === 200);
});
afterEach(async () => {
  await devices.close();
  await balancer.close();
  await Promise.all(
    gates.map((gate) => {
      const closed = gate.close();
      gate.pouchgate.endDrainLead();
      return closed;
    }),
  );
  await upstream.close();
});

/** Sends requests one after the other until `stop`, which resolves with the statuses. */
function sendSteadily(send: (n: number) => Promise<Response>): { stop: () => Promise<number[]> } {
  const stopping = new AbortController();
  const statuses = (async () => {
    const seen: number[] = [];
    for (let n = 0; !stopping.signal.aborted; n += 1) seen.push((await send(n)).status);
    return seen;
  })();
  return {
    stop: () => {
      stopping.abort();
      return statuses;
    },
  };
}

it('a rolling restart loses no request and no edit', async () => {
  const user = devices.newUser();
  const [writer, reader] = [devices.open(user).store, devices.open(user).store];
  await Promise.all([waitForState(writer, 'live'), waitForState(reader, 'live')]);
  const headers = { authorization: `Bearer ${token('rest')}`, 'content-type': 'application/json' };
  const patchTags = (n: number): Promise<Response> =>
    fetch(`${balancer.url}/api/users/preferences`, {
      method: 'PATCH',
      headers,
      body: JSON.stringify({ selectedTags: [`tag ${n}`] }),
    });
  const readDatabase = (): Promise<Response> =>
    fetch(`${balancer.url}/sync/${upstream.names.registry}/`, { headers: { authorization: headers.authorization } });
  const writing = sendSteadily(patchTags);
  const reading = Array.from({ length: READERS }, () => sendSteadily(readDatabase));

  for (const [n, gate] of gates.entries()) {
    await writer.set({ selectedContexts: [`before restart ${n}`] });
    await gate.restart();
    await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
    await writer.set({ selectedTags: [`after restart ${n}`] });
    await waitForPreferences(reader, {
      selectedContexts: [`before restart ${n}`],
      selectedTags: [`after restart ${n}`],
    });
  }
  const patched = await writing.stop();
  expect(new Set(patched)).toEqual(new Set([200]));
  const statuses = (await Promise.all(reading.map(({ stop }) => stop()))).flat();
  expect(new Set(statuses)).toEqual(new Set([200]));
  const stored = (await upstream.registry().get('user_rest')) as unknown as { preferences: { selectedTags: string[] } };
  expect(stored.preferences.selectedTags).toEqual([`tag ${patched.length - 1}`]);
  await Promise.all([waitForState(writer, 'live', 0), waitForState(reader, 'live', 0)]);
});

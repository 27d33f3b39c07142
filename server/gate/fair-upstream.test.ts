import http, { type IncomingMessage } from 'node:http';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { startProxiedGate, type ProxiedGate } from '../testing/faulty-database-proxy.ts';

/** How long the gate waits for the database, in ms: see upstream/forward.ts. */
const DATABASE_TIMEOUT_MS = 10_000;

/** A gate whose database holds the requests about hostile users' documents until the test lets them continue. */
class HeldRequests {
  readonly received: string[] = [];
  #held: (() => void)[] = [];
  #isHolding = true;

  readonly fault = async ({ url = '' }: IncomingMessage): Promise<boolean> => {
    const [user] = /hostile\d+/.exec(url) ?? [];
    if (user === undefined || !this.#isHolding) return false;
    this.received.push(user);
    await new Promise<void>((resolve) => this.#held.push(resolve));
    return false;
  };

  get count(): number {
    return this.#held.length;
  }

  continueOne(): void {
    this.#held.shift()?.();
  }

  continueAll(): void {
    this.#isHolding = false;
    for (const resume of this.#held.splice(0)) resume();
  }
}

let proxied: ProxiedGate;
let held: HeldRequests;
beforeEach(async () => {
  proxied = await startProxiedGate();
  // The documents exist before anything is held.
  for (const user of ['hostile0', 'hostile1', 'hostile2', 'victim'])
    expect((await proxied.gate.request(user, `/user_${user}`)).status).toBe(200);
  held = new HeldRequests();
  proxied.proxy.fault = held.fault;
});
afterEach(async () => {
  held.continueAll();
  await proxied.close();
});

/** Sends a request for a user's own document. The returned function disconnects the client. */
function get(user: string): { readonly status: Promise<number>; readonly disconnect: () => void } {
  const url = new URL(`${proxied.gate.database}/user_${user}`);
  const headers = { authorization: `Bearer ${proxied.gate.token(user)}` };
  const request = http.get(url, { headers, agent: false });
  const status = new Promise<number>((resolve) => {
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve(0));
  });
  closeAfterTests({ close: () => request.destroy() });
  return { status, disconnect: () => request.destroy() };
}

it('while three users have twelve slow requests each, another user’s requests are answered', async () => {
  const startedAt = performance.now();
  const requests = [0, 1, 2].flatMap((n) => Array.from({ length: 12 }, () => get(`hostile${n}`)));
  await eventually(() => new Set(held.received).size === 3);
  for (let n = 0; n < 5; n += 1) expect(await get('victim').status).toBe(200);
  // No request of the slow users has ended meanwhile.
  expect(held.count).toBe(held.received.length);
  const heldMs = performance.now() - startedAt;
  held.continueAll();
  const statuses = new Set(await Promise.all(requests.map(({ status }) => status)));
  // On a slow machine the slow requests are held for longer than the gate waits for the database.
  if (heldMs >= DATABASE_TIMEOUT_MS) statuses.delete(503);
  expect(statuses).toEqual(new Set([200]));
});

it('a user who disconnects and repeats a request waits until the database has finished the abandoned one', async () => {
  const first = [0, 1, 2].map(() => get('hostile0'));
  await eventually(() => held.count === 3);
  for (const { status, disconnect } of first) {
    disconnect();
    await status;
  }
  for (let repetition = 0; repetition < 5; repetition += 1) {
    const repeated = get('hostile0');
    // The gate has received the repeated request before this one, which is answered.
    expect(await get('victim').status).toBe(200);
    repeated.disconnect();
    await repeated.status;
  }
  const last = get('hostile0');
  expect(await get('victim').status).toBe(200);
  expect(held.received).toHaveLength(3);
  held.continueOne();
  // The repeated requests that were abandoned while they waited are never sent.
  await eventually(() => held.received.length === 4);
  held.continueAll();
  expect(await last.status).toBe(200);
  expect(held.received).toHaveLength(4);
});

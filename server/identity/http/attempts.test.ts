import { eventually } from '../../testing/fake-couchdb.ts';
import { startIdentityServer, type TestIdentityServer } from '../../testing/test-identity.ts';
import { setUpAuthServer, PASSWORD, type TestResponse } from './testing/auth-server.ts';

/** Wrong passwords over HTTP. The clients' addresses are those of `X-Forwarded-For`. */

const { upstream, clock, post, newName } = setUpAuthServer();

const startGate = (): Promise<TestIdentityServer> =>
  startIdentityServer(upstream(), { now: () => clock.now, trustProxy: true });

/** The cookies that a response sets, as a browser sends them back. */
const cookiesOf = ({ headers }: TestResponse): string =>
  headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ');

const signInAt = (
  gate: TestIdentityServer,
  username: string,
  {
    password = PASSWORD,
    address = '198.51.100.1',
    cookie = '',
  }: { password?: string; address?: string; cookie?: string },
): Promise<TestResponse> => post('/sign-in', { username, password }, { 'x-forwarded-for': address, cookie }, gate);

/** Longer than the delays after a few failures, so that no attempt is held. */
const PAUSE_MS = 8_000;

/** Guesses from a number of addresses, one after the other, until one is refused. */
async function guess(gate: TestIdentityServer, username: string, addresses = 2): Promise<TestResponse> {
  for (let n = 0; n < 60; n += 1) {
    const address = `192.0.2.${n % addresses}`;
    const response = await signInAt(gate, username, { password: 'wrong password', address });
    if (response.status === 429) return response;
    expect(response.status).toBe(401);
    clock.now += PAUSE_MS;
  }
  throw new Error('the guesses were not delayed');
}

test('wrong passwords from two addresses delay these, and not the right one from a third', async () => {
  const gate = await startGate();
  const username = newName();
  await post('/register', { username, password: PASSWORD }, {}, gate);
  const refused = await guess(gate, username);
  expect(refused.body).toMatchObject({ error: 'too_many_requests' });
  const seconds = Number(refused.headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(5);
  expect(seconds).toBeLessThanOrEqual(180);
  // Also the right password is not checked, or the response would tell it.
  expect((await signInAt(gate, username, { address: '192.0.2.0' })).status).toBe(429);
  expect((await signInAt(gate, username, { address: '198.51.100.1' })).status).toBe(200);
  clock.now += 181_000;
  expect((await signInAt(gate, username, { address: '192.0.2.0' })).status).toBe(200);
  await gate.close();
});

test('a device that has signed in before signs in while its own address is delayed, also after a sign-out', async () => {
  const gate = await startGate();
  const username = newName();
  const cookie = cookiesOf(await post('/register', { username, password: PASSWORD }, {}, gate));
  expect(cookie).toMatch(/pouchgate_device=/);
  expect(cookie).not.toContain(username);
  const signedOut = await post('/sign-out', undefined, { cookie }, gate);
  expect(cookiesOf(signedOut)).not.toContain('pouchgate_device');
  await guess(gate, username);
  expect((await signInAt(gate, username, { address: '192.0.2.0', cookie })).status).toBe(200);
  // The cookie of one user is of no use for the name of another.
  const other = newName();
  await guess(gate, other);
  expect((await signInAt(gate, other, { password: 'x', address: '192.0.2.0', cookie })).status).toBe(429);
  await gate.close();
});

test('other gates on the same database delay the same guesses, also one that starts later', async () => {
  const gates = [await startGate(), await startGate()];
  const username = newName();
  await post('/register', { username, password: PASSWORD }, {}, gates[0]);
  await guess(gates[0] ?? (await startGate()), username, 60);
  gates.push(await startGate());
  for (const [n, gate] of gates.entries()) {
    // A gate reads what others have published when it has something to publish itself.
    await signInAt(gate, newName(), { password: 'wrong password', address: '203.0.113.1' });
    // The right password counts for nothing, so that only the guesses at the first gate can delay it.
    await eventually(async () => (await signInAt(gate, username, { address: `198.51.100.${n}` })).status === 429);
  }
  for (const gate of gates) await gate.close();
});

test('a name without an account is delayed like any other', async () => {
  const gate = await startGate();
  const refused = await guess(gate, newName());
  expect(refused.body).toMatchObject({ error: 'too_many_requests' });
  await gate.close();
});

test('wrong passwords leave one small document in the database, without names', async () => {
  const gate = await startGate();
  const username = newName();
  await guess(gate, username);
  const sessions = upstream().names.sessions;
  const list = async (): Promise<string> => {
    const { url, username: admin, password } = upstream().access;
    const authorization = `Basic ${Buffer.from(`${admin}:${password}`).toString('base64')}`;
    const query = 'include_docs=true&startkey=%22attempts:%22&endkey=%22attempts:~%22';
    return await (await fetch(`${url}/${sessions}/_all_docs?${query}`, { headers: { authorization } })).text();
  };
  await eventually(async () => (await list()).includes('newcomer:'));
  const text = await list();
  expect(text).not.toContain(username);
  expect(text).not.toContain('192.0.2');
  await gate.close();
});

import { connect } from 'node:net';
import fc from 'fast-check';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { UserQuota, bodyMemoryBytes, type Reservation } from './user-quota.ts';

const MEBIBYTE = 1024 * 1024;

it('whatever comes and goes, one user has at most 250 requests and 16 MiB in hand, all together 256 MiB', () => {
  const step = fc.record({
    user: fc.nat(40),
    bytes: fc.oneof(fc.constant(0), fc.nat(9 * MEBIBYTE)),
    leaves: fc.option(fc.nat(200)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const load = new UserQuota();
      const here: { user: number; bytes: number; hand: Reservation }[] = [];
      const sum = (of: typeof here): number => of.reduce((all, { bytes }) => all + bytes, 0);
      for (const { user, bytes, leaves } of steps) {
        if (leaves !== null) here.splice(leaves, 1)[0]?.hand.release();
        const mine = here.filter((each) => each.user === user);
        const fits =
          mine.length < 250 &&
          sum(mine) + bytes <= 16 * MEBIBYTE &&
          (bytes <= 64 * 1024 || sum(here) + bytes <= 256 * MEBIBYTE);
        let entered: Reservation | undefined;
        try {
          entered = load.acquire(String(user), bytes);
        } catch (error) {
          expect(error).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
        }
        expect(entered !== undefined).toBe(fits);
        if (entered !== undefined) here.push({ user, bytes, hand: entered });
      }
    }),
  );
});

it.each([
  [{}, 0],
  [{ 'content-length': '17' }, 17],
  [{ 'transfer-encoding': 'chunked' }, 8 * MEBIBYTE],
  // Refused while it passes by, or as a whole before it is read.
  [{ 'content-length': String(9 * MEBIBYTE) }, 0],
  [{ 'content-length': String(9 * MEBIBYTE), 'content-encoding': 'gzip' }, 0],
])('a body of %j is held to take %i bytes', (headers, bytes) => {
  expect(bodyMemoryBytes({ headers }, 8 * MEBIBYTE)).toBe(bytes);
});

it('an answer that waits to be sent counts, and may be more than there is room for; then what comes next is refused', () => {
  const load = new UserQuota();
  const hand = load.acquire('a', 0);
  hand.add(17 * MEBIBYTE);
  expect(() => load.acquire('a', 0)).toThrow('You have too many requests in progress.');
  load.acquire('b', 0).release();
  hand.release();
  hand.release();
  load.acquire('a', 16 * MEBIBYTE).release();
});

describe('at the gate', () => {
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startTestGate();
  });
  afterAll(() => gate.close());

  it('a user who holds large bodies back is told to wait with more, others are not, and it ends with those', async () => {
    const { hostname, port, pathname } = new URL(gate.database);
    const head = [
      `POST ${pathname}/_bulk_docs HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${gate.token('greedy')}`,
      'Content-Type: application/json',
      `Content-Length: ${8 * MEBIBYTE}`,
    ];
    const slow = [1, 2].map(() => {
      const socket = connect(Number(port), hostname);
      socket.write(`${head.join('\r\n')}\r\n\r\n{"docs":[`);
      return socket;
    });
    const ask = async (username: string): Promise<number> =>
      (await gate.request(username, '/_revs_diff', { method: 'POST', body: {} })).status;
    await eventually(async () => (await ask('greedy')) === 503);
    expect(await ask('modest')).toBe(200);
    for (const socket of slow) socket.destroy();
    await eventually(async () => (await ask('greedy')) === 200);
  });
});

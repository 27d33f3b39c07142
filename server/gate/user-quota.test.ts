import { connect } from 'node:net';
import fc from 'fast-check';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { UserQuota, bodyMemoryBytes, type Reservation } from './user-quota.ts';

const MEBIBYTE = 1024 * 1024;

it('one user has at most 250 requests and 16 MiB in progress, and all users together 256 MiB', () => {
  const step = fc.record({
    user: fc.nat(40),
    bytes: fc.oneof(fc.constant(0), fc.nat(9 * MEBIBYTE)),
    released: fc.option(fc.nat(200)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const quota = new UserQuota();
      const active: { user: number; bytes: number; reservation: Reservation }[] = [];
      const sum = (of: typeof active): number => of.reduce((all, { bytes }) => all + bytes, 0);
      for (const { user, bytes, released } of steps) {
        if (released !== null) active.splice(released, 1)[0]?.reservation.release();
        const mine = active.filter((each) => each.user === user);
        const fits =
          mine.length < 250 &&
          sum(mine) + bytes <= 16 * MEBIBYTE &&
          (bytes <= 64 * 1024 || sum(active) + bytes <= 256 * MEBIBYTE);
        let reservation: Reservation | undefined;
        try {
          reservation = quota.acquire(String(user), bytes);
        } catch (error) {
          expect(error).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
        }
        expect(reservation !== undefined).toBe(fits);
        if (reservation !== undefined) active.push({ user, bytes, reservation });
      }
    }),
  );
});

it.each([
  [{}, 0],
  [{ 'content-length': '17' }, 17],
  [{ 'transfer-encoding': 'chunked' }, 8 * MEBIBYTE],
  // Refused while it is streamed, or as a whole before it is read.
  [{ 'content-length': String(9 * MEBIBYTE) }, 0],
  [{ 'content-length': String(9 * MEBIBYTE), 'content-encoding': 'gzip' }, 0],
])('a body with the headers %j counts as %i bytes', (headers, bytes) => {
  expect(bodyMemoryBytes({ headers }, 8 * MEBIBYTE)).toBe(bytes);
});

it('an unsent response counts and may exceed the quota; then the next request is refused', () => {
  const quota = new UserQuota();
  const reservation = quota.acquire('a', 0);
  reservation.add(17 * MEBIBYTE);
  expect(() => quota.acquire('a', 0)).toThrow('You have too many requests in progress.');
  quota.acquire('b', 0).release();
  reservation.release();
  reservation.release();
  quota.acquire('a', 16 * MEBIBYTE).release();
});

describe('at the gate', () => {
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startTestGate();
  });
  afterAll(() => gate.close());

  it('a user with slow large bodies is refused further requests until they end, and other users are not', async () => {
    const { hostname, port, pathname } = new URL(gate.database);
    const head = [
      `POST ${pathname}/_bulk_docs HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${gate.token('greedy')}`,
      'Content-Type: application/json',
      `Content-Length: ${4 * MEBIBYTE}`,
    ];
    const slow = [1, 2, 3, 4].map(() => {
      const socket = connect(Number(port), hostname);
      socket.write(`${head.join('\r\n')}\r\n\r\n{"docs":[`);
      return socket;
    });
    const statusFor = async (username: string): Promise<number> =>
      (await gate.request(username, '/_revs_diff', { method: 'POST', body: {} })).status;
    await eventually(async () => (await statusFor('greedy')) === 503);
    expect(await statusFor('modest')).toBe(200);
    for (const socket of slow) socket.destroy();
    await eventually(async () => (await statusFor('greedy')) === 200);
  });
});

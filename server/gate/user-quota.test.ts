import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { UserQuota, bodyMemoryBytes, type Reservation } from './user-quota.ts';

const MEBIBYTE = 1024 * 1024;

/** A response to a client that stays connected until the test disconnects it. */
async function createResponse(): Promise<{ res: ServerResponse; disconnect: () => void }> {
  const server = http.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  closeAfterTests({
    close: () => {
      socket.destroy();
      server.close();
    },
  });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse];
  return { res, disconnect: () => socket.destroy() };
}

let client: Awaited<ReturnType<typeof createResponse>>;
beforeAll(async () => {
  client = await createResponse();
});

/** The reservation of a request that does not wait. */
function acquireNow(quota: UserQuota, user: string, bytes: number): Reservation {
  const reservation = quota.acquire(user, bytes, client.res);
  if (reservation instanceof Promise) throw new Error('The request waits.');
  return reservation;
}

it('one user has at most 250 requests and 16 MiB in progress; further ones wait, and all start', async () => {
  const step = fc.record({
    user: fc.nat(3),
    bytes: fc.oneof(fc.constant(0), fc.nat(9 * MEBIBYTE)),
    released: fc.option(fc.nat(200)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 400, size: 'max' }), async (steps) => {
      const quota = new UserQuota();
      const active: { user: number; bytes: number; reservation: Reservation }[] = [];
      let pending = 0;
      const check = (): void => {
        expect(quota.waiting).toBe(pending);
        for (const user of new Set(active.map((each) => each.user))) {
          const mine = active.filter((each) => each.user === user);
          expect(mine.length).toBeLessThanOrEqual(250);
          expect(mine.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(16 * MEBIBYTE);
        }
      };
      for (const { user, bytes, released } of steps) {
        if (released !== null) active.splice(released, 1)[0]?.reservation.release();
        const acquired = quota.acquire(String(user), bytes, client.res);
        if (acquired instanceof Promise) {
          pending += 1;
          void acquired.then((reservation) => {
            pending -= 1;
            active.push({ user, bytes, reservation });
          });
        } else active.push({ user, bytes, reservation: acquired });
        await Promise.resolve().then(() => undefined);
      }
      await new Promise(setImmediate);
      check();
      while (active.length > 0) {
        active.pop()?.reservation.release();
        await new Promise(setImmediate);
        check();
      }
      expect(pending).toBe(0);
    }),
    { numRuns: 30 },
  );
});

it("a user's 1,001st waiting request is refused, and a waiting request is dropped when its client disconnects", async () => {
  const quota = new UserQuota();
  const first = acquireNow(quota, 'a', 16 * MEBIBYTE);
  const waiting = Array.from({ length: 1_000 }, async () => (await quota.acquire('a', 1, client.res)).release());
  await expect(quota.acquire('a', 1, client.res)).rejects.toMatchObject({ status: 503 });
  acquireNow(quota, 'b', 16 * MEBIBYTE).release();
  const other = await createResponse();
  acquireNow(quota, 'c', 16 * MEBIBYTE);
  const dropped = Promise.resolve(quota.acquire('c', 1, other.res)).catch((error: unknown) => error);
  expect(quota.waiting).toBe(1_001);
  other.disconnect();
  expect(await dropped).toMatchObject({ status: 499 });
  expect(quota.waiting).toBe(1_000);
  first.release();
  await Promise.all(waiting);
  expect(quota.waiting).toBe(0);
});

it.each([
  [{}, 0],
  [{ 'content-length': '17' }, 17],
  [{ 'transfer-encoding': 'chunked' }, 4 * MEBIBYTE],
  // Refused while it is streamed, or as a whole before it is read.
  [{ 'content-length': String(9 * MEBIBYTE) }, 0],
  [{ 'content-length': String(9 * MEBIBYTE), 'content-encoding': 'gzip' }, 0],
])('a body with the headers %j counts as %i bytes', (headers, bytes) => {
  expect(bodyMemoryBytes({ headers }, 4 * MEBIBYTE)).toBe(bytes);
});

it('an unsent response counts and may exceed the quota; then the next request waits', async () => {
  const quota = new UserQuota();
  const reservation = acquireNow(quota, 'a', 0);
  reservation.addUnsent(17 * MEBIBYTE);
  const waiting = quota.acquire('a', 0, client.res);
  expect(waiting).toBeInstanceOf(Promise);
  acquireNow(quota, 'b', 0).release();
  reservation.release();
  reservation.release();
  (await waiting).release();
  acquireNow(quota, 'a', 16 * MEBIBYTE).release();
});

it('when the bodies of all users together occupy more than 256 MiB, a request of the user with the most is cancelled', () => {
  const quota = new UserQuota();
  const cancelled: string[] = [];
  const start = (user: string, bytes: number): Reservation => {
    const reservation = acquireNow(quota, user, bytes);
    reservation.onCancel((error) => {
      expect(error).toMatchObject({ status: 503 });
      cancelled.push(user);
      reservation.release();
    });
    reservation.addArrived(bytes);
    return reservation;
  };
  for (let n = 0; n < 15; n += 1) start(`user${n}`, 16 * MEBIBYTE);
  start('largest', 8 * MEBIBYTE);
  start('largest', 8 * MEBIBYTE - 1);
  expect(cancelled).toEqual([]);
  start('victim', 70 * 1024);
  expect(cancelled).toHaveLength(1);
  expect(cancelled).not.toContain('victim');
  // What a user has announced costs other users nothing.
  for (let n = 0; n < 100; n += 1) acquireNow(quota, `announcer${n}`, 16 * MEBIBYTE);
  start('victim', 70 * 1024);
  expect(cancelled).toHaveLength(1);
});

it('a request whose body has arrived is not cancelled, and users who occupy little are not refused', () => {
  const quota = new UserQuota();
  for (let n = 0; n < 17; n += 1) {
    const reservation = acquireNow(quota, `user${n}`, 16 * MEBIBYTE);
    reservation.onCancel(() => expect(n).toBe(-1));
    reservation.onCancel(undefined);
    reservation.addArrived(16 * MEBIBYTE);
  }
  const cancel = jest.fn();
  const victim = acquireNow(quota, 'victim', 200 * 1024);
  victim.onCancel(cancel);
  victim.addArrived(200 * 1024);
  expect(cancel).not.toHaveBeenCalled();
  victim.addArrived(200 * 1024);
  expect(cancel).toHaveBeenCalledTimes(1);
});

describe('at the gate', () => {
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startTestGate();
  });
  afterAll(() => gate.close());

  /** Announces a body of `bytes`, and sends `start` of it. */
  async function announce(user: string, bytes: number, start: string): Promise<Socket> {
    const { hostname, port, pathname } = new URL(gate.database);
    const head = [
      `POST ${pathname}/_bulk_docs HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${gate.token(user)}`,
      'Content-Type: application/json',
      `Content-Length: ${bytes}`,
    ];
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await new Promise((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n${start}`, resolve));
    return socket;
  }

  it('a user with slow large bodies waits until they end, and other users do not', async () => {
    const slow = await Promise.all([1, 2, 3, 4].map(() => announce('greedy', 4 * MEBIBYTE, '{"docs":[')));
    const diff = (user: string): Promise<Response> => gate.request(user, '/_revs_diff', { method: 'POST', body: {} });
    // The bodies have been announced once a further request waits.
    let waiting = diff('greedy');
    const isAnswered = async (): Promise<boolean> =>
      Promise.race([waiting.then(() => true), diff('modest').then(() => false)]);
    await eventually(async () => {
      if (!(await isAnswered())) return true;
      waiting = diff('greedy');
      return false;
    });
    expect((await diff('modest')).status).toBe(200);
    for (const socket of slow) socket.destroy();
    expect((await waiting).status).toBe(200);
  });

  it('17 users who announce 34 bodies of 4 MiB do not delay a batch of another user', async () => {
    const document = (await (await gate.request('victim', '/user_victim')).json()) as { _rev: string };
    const sockets = await Promise.all(
      Array.from({ length: 34 }, (_, n) => announce(`hostile${n % 17}`, 4 * MEBIBYTE - n, '{')),
    );
    // Once later requests of the same users are answered, the bodies have been announced.
    await Promise.all(Array.from({ length: 17 }, (_, n) => gate.request(`hostile${n}`, '/')));
    const padding = 'x'.repeat(70 * 1024);
    const batch = { docs: [{ ...document, preferences: { theme: 'dark' } }], padding };
    const response = await gate.request('victim', '/_bulk_docs', { method: 'POST', body: batch });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual([expect.objectContaining({ ok: true, id: 'user_victim' })]);
    for (const socket of sockets) socket.destroy();
  });
});

import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { FairSlots } from './fair-slots.ts';

const opened: { readonly running: readonly unknown[]; end(ms: number): Promise<unknown> }[] = [];

// A request that waits for ever would be rejected during a later test file.
afterEach(async () => {
  for (const slots of opened.splice(0)) while (slots.running.length > 0) await slots.end(1);
});

/** Slots on a clock that the test sets, with requests that the test ends. The rest ends after the test. */
function createSlots(slots = 8) {
  const clock = { now: 0 };
  const waits: number[] = [];
  const fair = new FairSlots({ slots, now: () => clock.now, onWaited: (seconds) => waits.push(seconds) });
  const running: { user: string; end: () => void }[] = [];
  const starts: string[] = [];
  const request = (user: string, res?: ServerResponse): Promise<void> =>
    fair.run(
      user,
      () => {
        starts.push(user);
        return new Promise<void>((end) => running.push({ user, end }));
      },
      res,
    );
  /** Ends a user's oldest request, or the oldest of all, after it has run for `ms`. */
  const end = async (ms: number, user?: string): Promise<string> => {
    const index = user === undefined ? 0 : running.findIndex((each) => each.user === user);
    const [ended] = running.splice(index, 1);
    if (ended === undefined) throw new Error('No request is running.');
    clock.now += ms;
    ended.end();
    await new Promise(setImmediate);
    return ended.user;
  };
  const countOf = (user: string): number => running.filter((each) => each.user === user).length;
  const created = { fair, clock, waits, running, starts, request, end, countOf };
  opened.push(created);
  return created;
}

const requestMany = (
  { request }: Pick<ReturnType<typeof createSlots>, 'request'>,
  user: string,
  count: number,
): void => {
  for (let n = 0; n < count; n += 1) void request(user);
};

it('a user has at most three requests in progress, which start in order', async () => {
  const slots = createSlots();
  requestMany(slots, 'a', 5);
  expect([slots.countOf('a'), slots.fair.waiting]).toEqual([3, 2]);
  for (let n = 0; n < 5; n += 1) await slots.end(5);
  expect([slots.starts.length, slots.fair.waiting, slots.running.length]).toEqual([5, 0, 0]);
});

it('three users with any number of requests leave slots for others', () => {
  const slots = createSlots();
  for (const user of ['a', 'b', 'c']) requestMany(slots, user, 34);
  expect(slots.running.length).toBeLessThanOrEqual(6);
  void slots.request('victim');
  expect(slots.countOf('victim')).toBe(1);
});

it('a user whose requests are slow has one at a time, and all such users together half of the slots', async () => {
  const slots = createSlots();
  const hostile = Array.from({ length: 20 }, (_, n) => `hostile${n}`);
  for (const user of hostile) requestMany(slots, user, 3);
  // Once each of them has had a slow request.
  for (let n = 0; n < 60; n += 1) requestMany(slots, await slots.end(500), 1);
  expect(slots.running.length).toBe(4);
  for (const user of hostile) expect(slots.countOf(user)).toBeLessThanOrEqual(1);
  for (const user of ['v1', 'v2', 'v3', 'v4']) {
    void slots.request(user);
    expect(slots.countOf(user)).toBe(1);
  }
  // Further ones wait for short requests only.
  void slots.request('v5');
  await slots.end(5, 'v1');
  expect(slots.countOf('v5')).toBe(1);
});

it('a running request counts: a user with one of more than 250 ms starts no further one', async () => {
  const slots = createSlots();
  void slots.request('a');
  slots.clock.now += 251;
  void slots.request('a');
  expect(slots.countOf('a')).toBe(1);
  await slots.end(0);
  expect(slots.countOf('a')).toBe(1);
});

it('a user whose request was slow has three at a time again after ten times its duration', async () => {
  const slots = createSlots();
  requestMany(slots, 'a', 1);
  await slots.end(300);
  requestMany(slots, 'a', 1);
  await slots.end(0);
  slots.clock.now += 3_000;
  requestMany(slots, 'a', 3);
  expect(slots.countOf('a')).toBe(3);
});

it('waiting users start in the order of their recent upstream time', async () => {
  const slots = createSlots(2);
  requestMany(slots, 'a', 1);
  await slots.end(200);
  requestMany(slots, 'b', 1);
  await slots.end(100);
  requestMany(slots, 'x', 1);
  requestMany(slots, 'y', 1);
  for (const user of ['a', 'b', 'c']) requestMany(slots, user, 1);
  slots.starts.length = 0;
  for (let n = 0; n < 5; n += 1) await slots.end(1);
  expect(slots.starts).toEqual(['c', 'b', 'a']);
});

it('every request starts and ends, whatever it takes, and all slots are free afterwards', async () => {
  const request = fc.record({ user: fc.nat(12), ms: fc.constantFrom(1, 5, 300, 2_000), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { maxLength: 80, size: 'max' }),
      fc.constantFrom(1, 3, 8),
      async (requests, max) => {
        const clock = { now: 0 };
        const slots = new FairSlots({ slots: max, now: () => clock.now });
        let [running, most] = [0, 0];
        const results = requests.map(({ user, ms, fails }) =>
          slots.run(`user${user}`, async () => {
            running += 1;
            most = Math.max(most, running);
            await new Promise(setImmediate);
            clock.now += ms;
            running -= 1;
            if (fails) throw new Error('no');
          }),
        );
        const settled = await Promise.allSettled(results);
        expect(settled.map(({ status }) => status === 'rejected')).toEqual(requests.map(({ fails }) => fails));
        expect(most).toBeLessThanOrEqual(max);
        expect([slots.waiting, running]).toEqual([0, 0]);
      },
    ),
  );
});

describe('with a client', () => {
  const responses: ServerResponse[] = [];
  let port: number;
  beforeEach(async () => {
    responses.length = 0;
    const server = http.createServer((_req, res) => responses.push(res));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    closeAfterTests({
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    });
  });

  it('a waiting request is dropped when its client disconnects; a running one keeps its slot', async () => {
    const slots = createSlots();
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => responses.length === 1);
    requestMany(slots, 'a', 2);
    const running = slots.request('a', responses[0]);
    const waiting = slots.request('a', responses[0]).catch((error: unknown) => error);
    expect(slots.fair.waiting).toBe(1);
    socket.destroy();
    expect(await waiting).toMatchObject({ status: 499 });
    expect([slots.fair.waiting, slots.countOf('a')]).toEqual([0, 3]);
    requestMany(slots, 'a', 1);
    expect(slots.countOf('a')).toBe(3);
    for (let n = 0; n < 4; n += 1) await slots.end(1);
    await running;
    expect(slots.waits).toHaveLength(1);
  });
});

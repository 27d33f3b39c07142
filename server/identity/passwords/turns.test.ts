import { Turns, type TurnLimits } from './turns.ts';

const LIMITS: TurnLimits = { maxWaiting: 1_000, maxWaitingPerKey: 500, maxWaitMs: 60_000 };

/** Turns whose tasks end when the test says so. Each task takes 200 ms of the turns' clock. */
function startTurns(limits: Partial<TurnLimits> = {}, maxRunning = 1) {
  let now = 0;
  const turns = new Turns({ maxRunning, now: () => now, limits: { ...LIMITS, ...limits } });
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const run = (key: string, signal?: AbortSignal): Promise<string> =>
    turns.run(key, signal, async () => {
      started.push(key);
      await new Promise<void>((resolve) => ends.push(resolve));
      now += 200;
      return key;
    });
  /** Tasks start in microtasks. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const endOne = async (): Promise<void> => {
    await settle();
    ends.shift()?.();
    await settle();
  };
  return { turns, started, run, endOne };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test('no more tasks run at once than there are turns', async () => {
  const { started, run, endOne, turns } = startTurns({}, 2);
  const all = [run('a'), run('a'), run('b'), run('c')];
  await new Promise((resolve) => setImmediate(resolve));
  expect([started.length, turns.waiting]).toEqual([2, 2]);
  for (let n = 0; n < 4; n += 1) {
    await endOne();
    expect(started.length).toBe(Math.min(4, 3 + n));
  }
  expect(await Promise.all(all)).toEqual(['a', 'a', 'b', 'c']);
});

test('behind a hundred tasks of one address, another address is served next', async () => {
  const { started, run, endOne } = startTurns();
  const flood = Array.from({ length: 100 }, () => run('attacker'));
  const other = run('user');
  await endOne();
  await endOne();
  expect(started.slice(0, 3)).toContain('user');
  for (let n = 0; n < 100; n += 1) await endOne();
  expect(await other).toBe('user');
  await Promise.all(flood);
});

test('the tasks of one address and of all are bounded, and one more is 503 with Retry-After', async () => {
  const { run, endOne } = startTurns({ maxWaiting: 4, maxWaitingPerKey: 3 });
  const busy = { status: 503, headers: { 'Retry-After': expect.any(String) as string } };
  const accepted = [run('a'), run('a'), run('a'), run('a')];
  expect(await rejection(run('a'))).toMatchObject(busy);
  accepted.push(run('b'));
  expect(await rejection(run('c'))).toMatchObject(busy);
  for (let n = 0; n < accepted.length; n += 1) await endOne();
  await Promise.all(accepted);
});

test('a task whose client disconnects while it waits never starts, and leaves its place to the next one', async () => {
  const { turns, started, run, endOne } = startTurns();
  const first = run('a');
  const client = new AbortController();
  const left = rejection(run('b', client.signal));
  const next = run('c');
  client.abort();
  expect(await left).toMatchObject({ status: 499 });
  expect(turns.waiting).toBe(1);
  await endOne();
  await endOne();
  await Promise.all([first, next]);
  expect(started).toEqual(['a', 'c']);
  expect(await rejection(run('d', client.signal))).toMatchObject({ status: 499 });
});

test('a task that has waited for too long is 503', async () => {
  const { turns, run, endOne } = startTurns({ maxWaitMs: 10 });
  const first = run('a');
  expect(await rejection(run('b'))).toMatchObject({ status: 503 });
  expect(turns.waiting).toBe(0);
  await endOne();
  await first;
});

test('a task that fails ends its turn', async () => {
  const { turns, run, endOne } = startTurns();
  expect(await rejection(turns.run('a', undefined, () => Promise.reject(new Error('failed'))))).toMatchObject({
    message: 'failed',
  });
  const next = run('b');
  await endOne();
  expect(await next).toBe('b');
});

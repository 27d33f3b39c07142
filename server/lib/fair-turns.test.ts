import { FairTurns } from './fair-turns.ts';

/** Turns on a clock that only work advances, and an event loop that the test runs. */
function createTurns() {
  const clock = { now: 0 };
  let deferred: (() => void)[] = [];
  const waits: number[] = [];
  const turns = new FairTurns({
    now: () => clock.now,
    defer: (callback) => deferred.push(callback),
    onWaited: (seconds) => waits.push(seconds),
  });
  const done: string[] = [];
  const run = (user: string, ms: number): unknown =>
    turns.run(user, () => {
      clock.now += ms;
      done.push(user);
      return user;
    });
  /** One iteration of the event loop. Returns the users whose work ran in it. */
  const iterate = (): readonly string[] => {
    const before = done.length;
    const callbacks = deferred;
    deferred = [];
    for (const callback of callbacks) callback();
    return done.slice(before);
  };
  const isIdle = (): boolean => deferred.length === 0;
  return { turns, clock, waits, done, run, iterate, isIdle };
}

it('work runs at once and without a promise while the event loop has time', () => {
  const { run, done, waits } = createTurns();
  expect([run('a', 1), run('b', 2), run('a', 1)]).toEqual(['a', 'b', 'a']);
  expect(done).toEqual(['a', 'b', 'a']);
  expect(waits).toEqual([]);
});

it('further work waits for the next iteration once turns have taken 8 ms', async () => {
  const { run, iterate, turns, waits } = createTurns();
  expect(run('a', 8)).toBe('a');
  const later = run('b', 1);
  expect(later).toBeInstanceOf(Promise);
  expect(turns.waiting).toBe(1);
  expect(iterate()).toEqual(['b']);
  expect(await later).toBe('b');
  expect([turns.waiting, waits.length]).toEqual([0, 1]);
});

it('between two long turns the event loop has iterations without one, and other users have turns at once', () => {
  const { run, iterate } = createTurns();
  for (let n = 0; n < 4; n += 1) void run('expensive', 80);
  for (let turn = 1; turn < 4; turn += 1) {
    let iterations = 0;
    for (let users = iterate(); !users.includes('expensive'); users = iterate()) {
      iterations += 1;
      expect(run(`other${turn}`, 0.1)).toBe(`other${turn}`);
    }
    expect(iterations).toBeGreaterThanOrEqual(8);
  }
});

it("a user's work keeps its order, and users have turns by the work that was done for them", () => {
  const { run, iterate, turns, done } = createTurns();
  void run('first', 9);
  for (let n = 0; n < 3; n += 1) {
    void run('heavy', 30);
    void run('light', 3);
  }
  while (turns.waiting > 0) iterate();
  // Each costs less than a tenth of the other: all of the light work is done before the second heavy one.
  expect(done.slice(1).filter((user) => user === 'heavy')).toHaveLength(3);
  expect(done.lastIndexOf('light')).toBeLessThan(done.indexOf('heavy', done.indexOf('heavy') + 1));
});

it('while users who are known to be expensive repeat their work, a light one waits for at most one turn of them', () => {
  const { run, iterate, done } = createTurns();
  const hostile = Array.from({ length: 20 }, (_, n) => `hostile${n}`);
  for (const user of hostile) for (let n = 0; n < 10; n += 1) void run(user, 50);
  while (new Set(done).size < hostile.length) iterate();
  for (let round = 0; round < 100; round += 1) {
    iterate();
    const before = done.length;
    void run('light', 0.1);
    while (!done.slice(before).includes('light')) iterate();
    expect(done.slice(before).filter((user) => user !== 'light').length).toBeLessThanOrEqual(1);
  }
});

it('throws or rejects with what the work throws, charges it, and continues', async () => {
  const { turns, clock, iterate } = createTurns();
  const fail = (): never => {
    clock.now += 8;
    throw new Error('no');
  };
  expect(() => turns.run('a', fail)).toThrow('no');
  const later = Promise.resolve(turns.run('a', fail)).catch((error: unknown) => error);
  while (turns.waiting > 0) iterate();
  expect(await later).toMatchObject({ message: 'no' });
});

it('schedules nothing when there is nothing to do', () => {
  const { run, iterate, isIdle } = createTurns();
  void run('a', 80);
  for (let n = 0; n < 10; n += 1) iterate();
  expect(isIdle()).toBe(true);
});

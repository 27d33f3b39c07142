import fc from 'fast-check';
import { TimerWheel, type TimerTask } from './timer-wheel.ts';

/** How late a task may run, in ms. */
const MAX_LATENESS_MS = 100;

beforeEach(() => {
  jest.useFakeTimers({ now: 1_700_000_000_050 });
});
afterEach(() => {
  jest.useRealTimers();
});

const createTask = (run: () => unknown): TimerTask => ({ bucket: undefined, onExpire: () => void run() });

interface Plan {
  readonly before: number | undefined;
  readonly after: number;
  readonly cancelAfter: number | undefined;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  before: fc.option(fc.integer({ min: -500, max: 5_000 }), { nil: undefined }),
  after: fc.integer({ min: -500, max: 5_000 }),
  cancelAfter: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
});

it('a task runs once, at its time or up to 100 ms later, and not after it was cancelled', () => {
  fc.assert(
    fc.property(fc.array(plan, { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 90 })), (plans, steps) => {
      const timer = new TimerWheel(Date.now);
      const startedAt = Date.now();
      const ran = plans.map((): number[] => []);
      const tasks = plans.map(({ after, before }, index) => {
        const task = createTask(() => ran[index]?.push(Date.now() - startedAt));
        // The second time replaces the first.
        if (before !== undefined) timer.schedule(startedAt + before, task);
        timer.schedule(startedAt + after, task);
        return task;
      });
      const cancelled = new Set<number>();
      for (let turn = 0; Date.now() < startedAt + 5_200; turn += 1) {
        jest.advanceTimersByTime(steps[turn % steps.length] ?? 50);
        plans.forEach(({ cancelAfter }, index) => {
          if (cancelAfter === undefined || Date.now() - startedAt < cancelAfter || cancelled.has(index)) return;
          // Also after it has run: a late or repeated cancel has no effect.
          const task = tasks[index];
          if (task !== undefined) timer.cancel(task);
          cancelled.add(index);
        });
      }
      plans.forEach(({ after, cancelAfter }, index) => {
        const times = ran[index] ?? [];
        expect(times.length).toBeLessThanOrEqual(1);
        for (const time of times) {
          expect(time).toBeGreaterThanOrEqual(after);
          expect(time).toBeLessThanOrEqual(Math.max(after, 0) + MAX_LATENESS_MS);
        }
        if (cancelAfter === undefined || cancelAfter > Math.max(after, 0) + MAX_LATENESS_MS)
          expect(times).toHaveLength(1);
        if (cancelAfter !== undefined && cancelAfter + MAX_LATENESS_MS < after) expect(times).toEqual([]);
      });
      expect(timer.size).toBe(0);
      expect(jest.getTimerCount()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

it('10,000 tasks share one interval, which stops with the last task', () => {
  const timer = new TimerWheel(Date.now);
  const tasks = Array.from({ length: 10_000 }, () => createTask(() => undefined));
  tasks.forEach((task, n) => timer.schedule(Date.now() + 1_000 + n, task));
  expect([timer.size, jest.getTimerCount()]).toEqual([10_000, 1]);
  for (const task of tasks) timer.cancel(task);
  jest.advanceTimersByTime(MAX_LATENESS_MS);
  expect([timer.size, jest.getTimerCount()]).toEqual([0, 0]);
});

it('a task may schedule another one, and close cancels all', () => {
  const timer = new TimerWheel(Date.now);
  const ran: string[] = [];
  const second = createTask(() => ran.push('second'));
  const first = createTask(() => {
    ran.push('first');
    timer.schedule(Date.now() + 200, second);
  });
  timer.schedule(Date.now() + 200, first);
  jest.advanceTimersByTime(1_000);
  expect(ran).toEqual(['first', 'second']);
  timer.schedule(
    Date.now() + 200,
    createTask(() => ran.push('never')),
  );
  timer.close();
  jest.advanceTimersByTime(1_000);
  expect([ran.length, timer.size, jest.getTimerCount()]).toEqual([2, 0, 0]);
});

it('after the machine slept, all due tasks run at the next tick, the earliest first', () => {
  const timer = new TimerWheel(Date.now);
  const ran: number[] = [];
  for (const after of [900, 300, 600])
    timer.schedule(
      Date.now() + after,
      createTask(() => ran.push(after)),
    );
  jest.setSystemTime(Date.now() + 60_000);
  jest.advanceTimersByTime(MAX_LATENESS_MS);
  expect(ran).toEqual([300, 600, 900]);
});

it('a task may cancel or reschedule another one of the same time', () => {
  const timer = new TimerWheel(Date.now);
  const ran: string[] = [];
  const time = Date.now() + 200;
  const cancelled = createTask(() => ran.push('cancelled'));
  const rescheduled = createTask(() => ran.push('rescheduled'));
  const first = createTask(() => {
    timer.cancel(cancelled);
    timer.schedule(time + 1_000, rescheduled);
  });
  for (const task of [first, cancelled, rescheduled]) timer.schedule(time, task);
  jest.advanceTimersByTime(200 + MAX_LATENESS_MS);
  expect([ran, timer.size]).toEqual([[], 1]);
  jest.advanceTimersByTime(1_000);
  expect([ran, timer.size]).toEqual([['rescheduled'], 0]);
});

it('when the clock was set back, all tasks run once, and those that are scheduled again run at their times', () => {
  const timer = new TimerWheel(Date.now);
  const ran: string[] = [];
  for (const name of ['first', 'second']) {
    const task = createTask(() => {
      ran.push(name);
      if (ran.length <= 2) timer.schedule(Date.now() + 1_000, task);
    });
    timer.schedule(Date.now() + 60_000, task);
  }
  jest.advanceTimersByTime(10_000);
  jest.setSystemTime(Date.now() - 2 * 86_400_000);
  jest.advanceTimersByTime(MAX_LATENESS_MS);
  expect(ran).toEqual(['first', 'second']);
  jest.advanceTimersByTime(900 - MAX_LATENESS_MS);
  expect(ran).toHaveLength(2);
  jest.advanceTimersByTime(200 + MAX_LATENESS_MS);
  expect([ran, timer.size]).toEqual([['first', 'second', 'first', 'second'], 0]);
});

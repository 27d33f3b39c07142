import fc from 'fast-check';
import { KeyedConcurrencyLimit } from './keyed-concurrency-limit.ts';

it("runs a key's tasks in order, at most the limit at once, independently of other keys; all settle", async () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(keys, fc.constantFrom(1, 3), fc.scheduler(), async (calls, max, scheduler) => {
      const limit = new KeyedConcurrencyLimit(max);
      const running = new Map<string, number>();
      const started: number[] = [];
      const results = calls.map((key, index) =>
        limit.run(key, async () => {
          started.push(index);
          running.set(key, (running.get(key) ?? 0) + 1);
          expect(running.get(key)).toBeLessThanOrEqual(max);
          await scheduler.schedule(Promise.resolve());
          running.set(key, (running.get(key) ?? 0) - 1);
          if (index % 5 === 0) throw new Error('no');
          return index;
        }),
      );
      const settled = Promise.allSettled(results);
      await scheduler.waitFor(settled);
      expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual(calls.map((_, n) => n % 5 !== 0));
      for (const key of new Set(calls)) {
        const ofKey = started.filter((index) => calls[index] === key);
        expect(ofKey).toEqual([...ofKey].sort((one, other) => one - other));
      }
    }),
  );
});

it('starts as many tasks as the limit allows before any has ended, and a failed task frees its slot', async () => {
  const limit = new KeyedConcurrencyLimit(2);
  const ends: (() => void)[] = [];
  const started: number[] = [];
  let [running, maxRunning] = [0, 0];
  const work = (n: number) => async (): Promise<number> => {
    started.push(n);
    running += 1;
    maxRunning = Math.max(maxRunning, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
    if (n === 1) throw new Error('one fails');
    return n;
  };
  const all = Promise.allSettled([0, 1, 2, 3, 4].map((n) => limit.run('a', work(n))));
  for (let done = 0; done < 5; done += 1) {
    await new Promise(setImmediate);
    expect(started).toHaveLength(Math.min(done + 2, 5));
    ends.shift()?.();
  }
  expect((await all).map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
    0,
    'failed',
    2,
    3,
    4,
  ]);
  expect([started, maxRunning]).toEqual([[0, 1, 2, 3, 4], 2]);
  await expect(limit.run('a', () => Promise.resolve('free again'))).resolves.toBe('free again');
});

it('limits each key separately, also when limit objects are reused', async () => {
  const limit = new KeyedConcurrencyLimit(1);
  const runAtOnce = async (keys: readonly string[]): Promise<number> => {
    let [running, maxRunning] = [0, 0];
    await Promise.all(
      keys.map((key) =>
        limit.run(key, async () => {
          running += 1;
          maxRunning = Math.max(maxRunning, running);
          await new Promise(setImmediate);
          running -= 1;
        }),
      ),
    );
    return maxRunning;
  };
  for (let round = 0; round < 3; round += 1) {
    expect(await runAtOnce(['a', 'b', 'c'])).toBe(3);
    expect(await runAtOnce(['a', 'a', 'a'])).toBe(1);
  }
});

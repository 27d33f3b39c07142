import { limitConcurrency } from './concurrency-limit.ts';

it('has never more under way than allowed, keeps the order, and a failure gives its place on', async () => {
  const inTurn = limitConcurrency(2);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  let [underWay, most] = [0, 0];
  const work = (n: number) => async (): Promise<number> => {
    begun.push(n);
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise<void>((resolve) => ends.push(resolve));
    underWay -= 1;
    if (n === 1) throw new Error('one fails');
    return n;
  };
  const all = Promise.allSettled([0, 1, 2, 3, 4].map((n) => inTurn(work(n))));
  for (let done = 0; done < 5; done += 1) {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
  expect((await all).map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
    0,
    'failed',
    2,
    3,
    4,
  ]);
  await expect(inTurn(() => Promise.resolve('free again'))).resolves.toBe('free again');
});

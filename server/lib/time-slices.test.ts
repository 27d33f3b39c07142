import { runAtOnce, runInSlices } from './time-slices.ts';

/** Steps that each take 3 ms of the processor. */
function* longSteps(count: number): Generator<void, number, void> {
  for (let step = 0; step < count; step += 1) {
    const end = performance.now() + 3;
    while (performance.now() < end);
    yield;
  }
  return count;
}

it('long work pauses after each slice, and short work does not', async () => {
  let pauses = 0;
  const pause = (): Promise<void> => {
    pauses += 1;
    return Promise.resolve();
  };
  expect(await runInSlices(longSteps(12), pause)).toBe(12);
  expect(pauses).toBeGreaterThanOrEqual(3);
  pauses = 0;
  expect(await runInSlices(longSteps(0), pause)).toBe(0);
  expect(pauses).toBe(0);
});

it('other events are handled between two slices', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('other'));
  await runInSlices(longSteps(12)).then(() => order.push('end'));
  expect(order).toEqual(['other', 'end']);
});

it('an error of a step rejects', async () => {
  const failing = function* (): Generator<void, void, void> {
    yield;
    throw new Error('failed');
  };
  await expect(runInSlices(failing())).rejects.toThrow('failed');
  expect(() => runAtOnce(failing())).toThrow('failed');
});

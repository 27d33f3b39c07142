import { setImmediate as nextImmediate } from 'node:timers/promises';
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

const runAtImmediate = async <R>(slice: () => R): Promise<R> => {
  await nextImmediate();
  return slice();
};

it('long work has several slices, and short work has one', async () => {
  let slices = 0;
  const countSlice = <R>(slice: () => R): R => {
    slices += 1;
    return slice();
  };
  expect(await runInSlices(longSteps(12), countSlice)).toBe(12);
  expect(slices).toBeGreaterThanOrEqual(4);
  slices = 0;
  expect(await runInSlices(longSteps(0), countSlice)).toBe(0);
  expect(slices).toBe(1);
});

it('other events are handled between two slices', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('other'));
  await runInSlices(longSteps(12), runAtImmediate).then(() => order.push('end'));
  expect(order).toEqual(['other', 'end']);
});

it('an error of a step rejects', async () => {
  const failing = function* (): Generator<void, void, void> {
    yield;
    throw new Error('failed');
  };
  await expect(runInSlices(failing(), runAtImmediate)).rejects.toThrow('failed');
  expect(() => runAtOnce(failing())).toThrow('failed');
});

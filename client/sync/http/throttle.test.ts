import { createThrottle } from './throttle.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('the first turns come at once, the others in their order, and no window of the time has more than allowed', async () => {
  const pace = createThrottle(2, 1_000);
  const taken: { readonly turn: number; readonly at: number }[] = [];
  const begun = Date.now();
  for (let turn = 0; turn < 6; turn += 1) void pace().then(() => taken.push({ turn, at: Date.now() - begun }));
  await jest.advanceTimersByTimeAsync(10_000);
  expect(taken).toEqual([
    { turn: 0, at: 0 },
    { turn: 1, at: 0 },
    { turn: 2, at: 1_000 },
    { turn: 3, at: 1_000 },
    { turn: 4, at: 2_000 },
    { turn: 5, at: 2_000 },
  ]);
});

test('who comes alone after a while goes at once again, and no timer is left behind', async () => {
  const pace = createThrottle(1, 250);
  await pace();
  await jest.advanceTimersByTimeAsync(250);
  expect(jest.getTimerCount()).toBe(0);
  await expect(pace()).resolves.toBeUndefined();
});

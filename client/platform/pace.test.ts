import { createPace } from './pace.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('the first calls resolve immediately, later ones in order, and no window exceeds the limit', async () => {
  const pace = createPace(2, 1_000);
  const turns: { readonly turn: number; readonly at: number }[] = [];
  const startedAt = Date.now();
  for (let turn = 0; turn < 6; turn += 1) void pace().then(() => turns.push({ turn, at: Date.now() - startedAt }));
  await jest.advanceTimersByTimeAsync(10_000);
  expect(turns).toEqual([
    { turn: 0, at: 0 },
    { turn: 1, at: 0 },
    { turn: 2, at: 1_000 },
    { turn: 3, at: 1_000 },
    { turn: 4, at: 2_000 },
    { turn: 5, at: 2_000 },
  ]);
});

test('a call after an idle window resolves immediately, and no timer remains', async () => {
  const pace = createPace(1, 250);
  await pace();
  await jest.advanceTimersByTimeAsync(250);
  expect(jest.getTimerCount()).toBe(0);
  await expect(pace()).resolves.toBeUndefined();
});

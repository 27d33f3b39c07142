import { createPace, delay, resolvesWithin, withTimeout } from './pace.ts';

const never = new Promise<never>(() => undefined);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a task that resolves or rejects in time settles immediately, and leaves no timer', async () => {
  await expect(resolvesWithin(1_000, Promise.resolve())).resolves.toBe(true);
  await expect(resolvesWithin(1_000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(withTimeout(1_000, 'It', () => Promise.resolve(1))).resolves.toBe(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('a task that does not settle exceeds the timeout', async () => {
  let result: boolean | undefined;
  void resolvesWithin(1_000, never).then((isResolved) => (result = isResolved));
  await jest.advanceTimersByTimeAsync(999);
  expect(result).toBeUndefined();
  await jest.advanceTimersByTimeAsync(1);
  expect(result).toBe(false);
  const timedOut = expect(withTimeout(1_000, 'It', () => never)).rejects.toThrow('It did not respond within 1000 ms.');
  await jest.advanceTimersByTimeAsync(1_000);
  await timedOut;
});

test('a timer that fires late after a sleep does not end the timeout before the task can settle', async () => {
  let finish = (): void => undefined;
  const task = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const result = resolvesWithin(1_000, task);
  // All timers that are due when the computer wakes up fire before any event.
  jest.runOnlyPendingTimers();
  finish();
  await expect(result).resolves.toBe(true);
});

test('an abort ends a delay immediately, and removes its timer', async () => {
  const controller = new AbortController();
  const waiting = delay(1_000, controller.signal);
  controller.abort();
  await waiting;
  await delay(1_000, controller.signal);
  expect(jest.getTimerCount()).toBe(0);
});

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

import { createPace, delay, resolvesWithin, withTimeout } from './pace.ts';

const never = new Promise<never>(() => undefined);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a task that resolves or rejects in time settles at once, and leaves no timer', async () => {
  await expect(resolvesWithin(1_000, Promise.resolve())).resolves.toBe(true);
  await expect(resolvesWithin(1_000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(withTimeout(1_000, 'It', () => Promise.resolve(1))).resolves.toBe(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('a task that does not settle is late after the timeout', async () => {
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

test('an abort ends a delay at once, and removes its timer', async () => {
  const controller = new AbortController();
  const waiting = delay(1_000, controller.signal);
  controller.abort();
  await waiting;
  await delay(1_000, controller.signal);
  expect(jest.getTimerCount()).toBe(0);
});

test('a pace allows its turns at once, and further ones when the window has passed', async () => {
  const pace = createPace(2, 1_000);
  let turns = 0;
  const take = (): void => void pace().then(() => (turns += 1));
  for (let index = 0; index < 4; index += 1) take();
  await jest.advanceTimersByTimeAsync(0);
  expect(turns).toBe(2);
  await jest.advanceTimersByTimeAsync(999);
  expect(turns).toBe(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(turns).toBe(4);
});

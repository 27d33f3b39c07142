import fc from 'fast-check';
import { createEmitter } from '../platform/emitter.ts';
import { waitForRetry } from './wait-for-retry.ts';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'performance'] }));
afterEach(() => jest.useRealTimers());

/** Starts a wait, and returns how it ended: undefined while it lasts. */
function startWait(retryAfterMs: number, failures = 1) {
  const wakeEmitter = createEmitter();
  const controller = new AbortController();
  let result: boolean | undefined;
  const options = { failures, retryAfterMs, wakeEmitter, random: () => 0, isVisible: () => true };
  void waitForRetry(options, controller.signal).then((wasWoken) => (result = wasWoken));
  return { wake: wakeEmitter.emit, abort: () => controller.abort(), result: () => result };
}

test('a wake-up ends the wait, but not before a Retry-After of some seconds', async () => {
  const wait = startWait(0, 10);
  await jest.advanceTimersByTimeAsync(1);
  wait.wake();
  await jest.advanceTimersByTimeAsync(0);
  expect(wait.result()).toBe(true);

  const requested = startWait(5_000);
  await jest.advanceTimersByTimeAsync(1);
  requested.wake();
  await jest.advanceTimersByTimeAsync(4_998);
  expect(requested.result()).toBeUndefined();
  await jest.advanceTimersByTimeAsync(1);
  expect(requested.result()).toBe(true);
});

test('a wake-up ends a wait of minutes after ten seconds', async () => {
  const wait = startWait(300_000);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(wait.result()).toBeUndefined();
  wait.wake();
  await jest.advanceTimersByTimeAsync(0);
  expect(wait.result()).toBe(true);
});

test('an abort ends the binding part of a wait at once', async () => {
  const wait = startWait(300_000);
  await jest.advanceTimersByTimeAsync(1);
  wait.abort();
  await jest.advanceTimersByTimeAsync(0);
  expect(wait.result()).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
});

test('without wake-ups, the wait takes at least Retry-After', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 1, max: 20 }), async (ms, failures) => {
      const wait = startWait(ms, failures);
      await jest.advanceTimersByTimeAsync(ms - 1);
      expect(wait.result()).toBeUndefined();
      await jest.advanceTimersByTimeAsync(6_000);
      expect(wait.result()).toBe(false);
    }),
    { numRuns: 50 },
  );
});

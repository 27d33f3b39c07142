import { hedge } from './hedge.ts';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'performance'] }));
afterEach(() => jest.useRealTimers());

const neverAborted = new AbortController().signal;
const never = (): Promise<string> => new Promise(() => undefined);

test('a response in time is the only request', async () => {
  const send = jest.fn(() => Promise.resolve('first'));
  await expect(hedge(send, neverAborted)).resolves.toBe('first');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(send).toHaveBeenCalledTimes(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('a request that hangs is sent again three times within 1.5 seconds, and never again', async () => {
  const results = [never(), never(), never(), Promise.resolve('fourth')];
  const send = jest.fn(() => results.shift() ?? never());
  const result = hedge(send, neverAborted);
  for (const [elapsedMs, count] of [
    [499, 1],
    [1, 2],
    [499, 2],
    [1, 3],
    [499, 3],
    [1, 4],
  ] as const) {
    await jest.advanceTimersByTimeAsync(elapsedMs);
    expect(send).toHaveBeenCalledTimes(count);
  }
  await expect(result).resolves.toBe('fourth');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(send).toHaveBeenCalledTimes(4);
});

test('nothing is sent after the signal is aborted', async () => {
  const controller = new AbortController();
  const send = jest.fn(never);
  void hedge(send, controller.signal).catch(() => undefined);
  controller.abort();
  await jest.advanceTimersByTimeAsync(10_000);
  expect(send).toHaveBeenCalledTimes(1);
});

test('rejects at once when a request fails', async () => {
  await expect(hedge(() => Promise.reject(new TypeError('Failed to fetch')), neverAborted)).rejects.toThrow(TypeError);
  expect(jest.getTimerCount()).toBe(0);
});

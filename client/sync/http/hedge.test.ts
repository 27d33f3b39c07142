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

test('a request that hangs is sent again after one and two seconds, and never again', async () => {
  const results = [never(), never(), Promise.resolve('third')];
  const send = jest.fn(() => results.shift() ?? never());
  const result = hedge(send, neverAborted);
  await jest.advanceTimersByTimeAsync(999);
  expect(send).toHaveBeenCalledTimes(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(send).toHaveBeenCalledTimes(2);
  await jest.advanceTimersByTimeAsync(1_000);
  await expect(result).resolves.toBe('third');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(send).toHaveBeenCalledTimes(3);
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

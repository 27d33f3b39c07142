import { startResponseTimeout } from './response-timeout.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('calls back when nothing arrives in time, and not after it is stopped', () => {
  const onTimeout = jest.fn();
  const timeout = startResponseTimeout(1_000, undefined, onTimeout);
  jest.advanceTimersByTime(999);
  timeout.recordActivity();
  jest.advanceTimersByTime(999);
  expect(onTimeout).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(onTimeout).toHaveBeenCalledTimes(1);
  startResponseTimeout(1_000, undefined, onTimeout).stop();
  jest.advanceTimersByTime(10_000);
  expect(onTimeout).toHaveBeenCalledTimes(1);
});

test('a body of 64 KiB may take 16 seconds longer to be sent', () => {
  const onTimeout = jest.fn();
  startResponseTimeout(1_000, 'x'.repeat(65_536), onTimeout);
  jest.advanceTimersByTime(17_383);
  expect(onTimeout).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(onTimeout).toHaveBeenCalledTimes(1);
});

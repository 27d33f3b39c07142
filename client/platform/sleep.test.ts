import { watchSleep } from './sleep.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const HOUR = 3_600_000;

/** A watched computer, whose clock goes on by itself while it sleeps. */
function watched(): { readonly woken: () => number; readonly sleep: (ms: number) => void; readonly stop: () => void } {
  let asleep = 0;
  let count = 0;
  const stop = watchSleep(
    () => Date.now() + asleep,
    () => (count += 1),
  );
  return {
    woken: () => count,
    stop,
    sleep: (ms) => {
      asleep += ms;
    },
  };
}

test('waking up after a sleep is noticed within seconds, once', () => {
  const { woken, sleep, stop } = watched();
  jest.advanceTimersByTime(HOUR);
  sleep(HOUR);
  expect(woken()).toBe(0);
  jest.advanceTimersByTime(5_000);
  expect(woken()).toBe(1);
  jest.advanceTimersByTime(HOUR);
  expect(woken()).toBe(1);
  stop();
});

test('timers that come once a minute, as those of a hidden page do, are no sleep; nor is a clock that is put back', () => {
  const { woken, sleep, stop } = watched();
  for (let minute = 0; minute < 10; minute += 1) {
    sleep(60_000);
    jest.advanceTimersByTime(5_000);
  }
  sleep(-HOUR);
  jest.advanceTimersByTime(60_000);
  expect(woken()).toBe(0);
  stop();
});

test('after the end there is no timer left', () => {
  const { woken, sleep, stop } = watched();
  stop();
  expect(jest.getTimerCount()).toBe(0);
  sleep(HOUR);
  jest.advanceTimersByTime(HOUR);
  expect(woken()).toBe(0);
});

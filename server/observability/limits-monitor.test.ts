import { createRecordedLog } from '../testing/recorded-log.ts';
import { LimitsMonitor } from './limits-monitor.ts';

/** A clock that a test advances, which runs what is due. */
function createClock() {
  let time = 0;
  let tasks: { at: number; run: () => void }[] = [];
  return {
    now: () => time,
    schedule: (run: () => void, ms: number) => tasks.push({ at: time + ms, run }),
    advance: (ms: number) => {
      time += ms;
      const due = tasks.filter(({ at }) => at <= time);
      tasks = tasks.filter(({ at }) => at > time);
      for (const { run } of due) run();
      return due.length;
    },
  };
}

test('logs one line a second with the numbers of that second, and none once nothing is limited', () => {
  const clock = createClock();
  const recorded = createRecordedLog();
  const monitor = new LimitsMonitor({ log: recorded.log, ...clock });
  for (let n = 0; n < 5_000; n += 1) monitor.count('admission_queue');
  monitor.count('rate_limit', 3);
  expect(recorded.lines).toEqual([]);
  clock.advance(1_000);
  expect(recorded.lines).toEqual([
    expect.objectContaining({ level: 40, limits: { admission_queue: 5_000, rate_limit: 3 } }),
  ]);
  monitor.count('rate_limit');
  clock.advance(1_000);
  expect(recorded.lines.slice(1)).toEqual([expect.objectContaining({ limits: { rate_limit: 1 } })]);
  expect(clock.advance(60_000)).toBe(0);
  expect(recorded.lines.length).toBe(2);
});

test('a limit is active for ten seconds after its last effect', () => {
  const clock = createClock();
  const monitor = new LimitsMonitor({ log: createRecordedLog().log, ...clock });
  expect(monitor.active).toEqual([]);
  monitor.count('user_requests');
  clock.advance(6_000);
  monitor.count('connections');
  expect(monitor.active).toEqual(['connections', 'user_requests']);
  clock.advance(6_000);
  expect(monitor.active).toEqual(['connections']);
  clock.advance(6_000);
  expect(monitor.active).toEqual([]);
});

test('the totals contain every limit, also one that has had no effect', () => {
  const clock = createClock();
  const monitor = new LimitsMonitor({ log: createRecordedLog().log, ...clock });
  monitor.count('rate_limit', 2);
  clock.advance(1_000);
  monitor.count('rate_limit');
  expect(monitor.totals).toEqual({
    admission_queue: 0,
    connection_share: 0,
    connections: 0,
    pipelined_requests: 0,
    rate_limit: 3,
    total_body_bytes: 0,
    user_requests: 0,
  });
});

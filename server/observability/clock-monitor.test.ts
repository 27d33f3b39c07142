import { createRecordedLog } from '../testing/recorded-log.ts';
import { ClockMonitor } from './clock-monitor.ts';

const localTime = Date.UTC(2026, 10, 30, 12);
const estimate = (offsetMs: number) => ({ offsetMs, uncertaintyMs: 500, localTime });

test('logs each change of state once, with both times', () => {
  const recorded = createRecordedLog();
  const monitor = new ClockMonitor(recorded.log);
  for (const offsetMs of [0, 59_000, -59_000]) monitor.onEstimate(estimate(offsetMs));
  expect([monitor.differs, recorded.lines]).toEqual([false, []]);
  for (const offsetMs of [-61_000, -3_600_000, -59_000, -31_000]) monitor.onEstimate(estimate(offsetMs));
  expect(monitor.differs).toBe(true);
  expect(recorded.lines).toEqual([
    {
      level: 40,
      offsetSeconds: -61,
      gateTime: '2026-11-30T12:00:00.000Z',
      databaseTime: '2026-11-30T11:58:59.000Z',
      msg: expect.stringContaining('differ by more than a minute') as string,
    },
  ]);
  for (const offsetMs of [-29_000, 0, 59_000]) monitor.onEstimate(estimate(offsetMs));
  expect(monitor.differs).toBe(false);
  expect(recorded.lines.slice(1)).toEqual([
    expect.objectContaining({ level: 30, offsetSeconds: -29, msg: expect.stringContaining('agree again') as string }),
  ]);
  monitor.onEstimate(estimate(2 * 86_400_000));
  expect(recorded.lines.at(-1)).toMatchObject({ level: 40, offsetSeconds: 172_800 });
});

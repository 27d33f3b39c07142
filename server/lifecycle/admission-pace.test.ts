import { AdmissionPace } from './admission-pace.ts';

it('lets each iteration start requests for five milliseconds', () => {
  const pace = new AdmissionPace();
  pace.onWake(0);
  expect([pace.mayStart(0), pace.mayStart(4.9), pace.mayStart(5)]).toEqual([true, true, false]);
  pace.onIteration(7);
  expect([pace.mayStart(11.9), pace.mayStart(12)]).toEqual([true, false]);
});

it('starts nothing while each iteration accepts a connection, and continues after the first that accepts none', () => {
  const pace = new AdmissionPace();
  pace.onWake(0);
  const mayStart = [5, 6, 7, 8].map((now) => {
    pace.onConnection();
    pace.onIteration(now);
    return pace.mayStart(now);
  });
  expect(mayStart).toEqual([true, true, true, true]);
  // The slice of the second iteration ended at 11.
  for (const now of [11, 50, 100, 210]) {
    pace.onConnection();
    pace.onIteration(now);
    expect([pace.mayStart(now), pace.isAccepting]).toEqual([false, true]);
  }
  pace.onIteration(210.1);
  expect([pace.mayStart(210.1), pace.isAccepting]).toEqual([true, false]);
});

it('a flood of connections leaves requests ten milliseconds after every 200', () => {
  const pace = new AdmissionPace();
  pace.onWake(0);
  const starts: number[] = [];
  for (let now = 0; now < 1_000; now += 1) {
    pace.onConnection();
    pace.onIteration(now);
    if (pace.mayStart(now)) starts.push(now);
  }
  const pauses = starts.slice(1).map((now, n) => now - (starts[n] ?? 0));
  expect(Math.max(...pauses)).toBe(201);
  // Five slices: one at the beginning, and one after each 200 ms.
  expect(starts.length).toBeGreaterThanOrEqual(45);
  expect(starts.length).toBeLessThanOrEqual(50);
});

it('sporadic connections delay no request', () => {
  const pace = new AdmissionPace();
  for (let now = 0; now < 100; now += 10) {
    pace.onWake(now);
    pace.onConnection();
    expect(pace.mayStart(now)).toBe(true);
    pace.onIteration(now);
    expect(pace.mayStart(now)).toBe(true);
    pace.onIteration(now + 1);
  }
});

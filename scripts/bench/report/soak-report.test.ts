import { soakReport, computeTrends, type Sample } from './soak-report.ts';

const MEBIBYTE = 1024 ** 2;

const sampled = (of: (n: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 60 }, (_, n) => ({
    second: n * 10,
    residentBytes: 200 * MEBIBYTE,
    openFiles: 2_030,
    heapBytes: 80 * MEBIBYTE,
    timers: 4,
    resources: 2_040,
    ...of(n),
  }));

const growing = (samples: readonly Sample[]): string[] =>
  computeTrends(samples)
    .filter(({ flat }) => !flat)
    .map(({ title }) => title);

it('what rises at the start and then stays is flat, and so is what swings', () => {
  expect(growing(sampled((n) => ({ residentBytes: (n < 15 ? 150 + n * 10 : 300) * MEBIBYTE })))).toEqual([]);
  expect(growing(sampled((n) => ({ heapBytes: (80 + (n % 5) * 20) * MEBIBYTE })))).toEqual([]);
});

it('a small leak in each of the figures is seen and named', () => {
  expect(growing(sampled((n) => ({ residentBytes: (200 + n) * MEBIBYTE })))).toEqual(['resident MiB']);
  expect(growing(sampled((n) => ({ heapBytes: (80 + n) * MEBIBYTE })))).toEqual(['heap MiB']);
  expect(growing(sampled((n) => ({ openFiles: 2_000 + n * 5 })))).toEqual(['open files']);
  expect(growing(sampled((n) => ({ timers: 4 + n })))).toEqual(['timers']);
  expect(growing(sampled((n) => ({ resources: 2_000 + n * 5 })))).toEqual(['active resources']);
  expect(soakReport(computeTrends(sampled((n) => ({ timers: 4 + n }))))).toMatch(
    /timers.*GROWS[^]*to the last: timers\.$/,
  );
});

it('what the gate does not tell is said to be not told', () => {
  const report = soakReport(
    computeTrends(sampled(() => ({ heapBytes: undefined, timers: undefined, resources: undefined }))),
  );
  expect(report).toMatch(/heap MiB +n\/a +n\/a +not told/);
  expect(report).toMatch(/Nothing grows/);
});

import { soakReport, computeTrends, type Sample } from './soak-report.ts';

const MEBIBYTE = 1024 ** 2;

const createSamples = (valuesAt: (n: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 60 }, (_, n) => ({
    second: n * 10,
    residentBytes: 200 * MEBIBYTE,
    openFiles: 2_030,
    heapBytes: 80 * MEBIBYTE,
    timers: 4,
    resources: 2_040,
    ...valuesAt(n),
  }));

const growing = (samples: readonly Sample[]): string[] =>
  computeTrends(samples)
    .filter(({ flat }) => !flat)
    .map(({ title }) => title);

it('reports growth at the start and oscillation as flat', () => {
  expect(growing(createSamples((n) => ({ residentBytes: (n < 15 ? 150 + n * 10 : 300) * MEBIBYTE })))).toEqual([]);
  expect(growing(createSamples((n) => ({ heapBytes: (80 + (n % 5) * 20) * MEBIBYTE })))).toEqual([]);
});

it('detects and names a small leak in each metric', () => {
  expect(growing(createSamples((n) => ({ residentBytes: (200 + n) * MEBIBYTE })))).toEqual(['resident MiB']);
  expect(growing(createSamples((n) => ({ heapBytes: (80 + n) * MEBIBYTE })))).toEqual(['heap MiB']);
  expect(growing(createSamples((n) => ({ openFiles: 2_000 + n * 5 })))).toEqual(['open files']);
  expect(growing(createSamples((n) => ({ timers: 4 + n })))).toEqual(['timers']);
  expect(growing(createSamples((n) => ({ resources: 2_000 + n * 5 })))).toEqual(['active resources']);
  expect(soakReport(computeTrends(createSamples((n) => ({ timers: 4 + n }))))).toMatch(
    /timers.*GROWS[^]*to the last: timers\.$/,
  );
});

it('reports a metric without samples as not measured', () => {
  const report = soakReport(
    computeTrends(createSamples(() => ({ heapBytes: undefined, timers: undefined, resources: undefined }))),
  );
  expect(report).toMatch(/heap MiB +n\/a +n\/a +not measured/);
  expect(report).toMatch(/Nothing grows/);
});

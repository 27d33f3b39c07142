import { alignedTable } from './report.ts';
import { median } from './statistics.ts';

/** One look at the gate. What it does not say is undefined. */
export interface Sample {
  readonly second: number;
  readonly residentBytes: number;
  readonly openFiles: number;
  readonly heapBytes: number | undefined;
  readonly timers: number | undefined;
  readonly resources: number | undefined;
}

type MetricName = Exclude<keyof Sample, 'second'>;

interface TrendRule {
  readonly metric: MetricName;
  readonly title: string;
  /** What stands for a quarter: of the heap its lowest, which is what a collection leaves. */
  readonly aggregate: (values: readonly number[]) => number;
  /** For people: bytes are told in MiB. */
  readonly divisor: number;
  /** How much more it may be at the end, as a part of what it was, and at least. */
  readonly maxGrowthRatio: number;
  readonly minGrowth: number;
}

const MEBIBYTE = 1024 ** 2;

const minimum = (values: readonly number[]): number => Math.min(...values);

const RULES: readonly TrendRule[] = [
  {
    metric: 'residentBytes',
    title: 'resident MiB',
    aggregate: median,
    divisor: MEBIBYTE,
    maxGrowthRatio: 0.1,
    minGrowth: 16 * MEBIBYTE,
  },
  {
    metric: 'heapBytes',
    title: 'heap MiB',
    aggregate: minimum,
    divisor: MEBIBYTE,
    maxGrowthRatio: 0.2,
    minGrowth: 16 * MEBIBYTE,
  },
  { metric: 'openFiles', title: 'open files', aggregate: median, divisor: 1, maxGrowthRatio: 0.05, minGrowth: 50 },
  { metric: 'timers', title: 'timers', aggregate: median, divisor: 1, maxGrowthRatio: 0.1, minGrowth: 20 },
  {
    metric: 'resources',
    title: 'active resources',
    aggregate: median,
    divisor: 1,
    maxGrowthRatio: 0.05,
    minGrowth: 50,
  },
];

export interface Trend {
  readonly title: string;
  /** In the second quarter of the time, when everything has settled, and in the last; undefined: not told. */
  readonly settled: number | undefined;
  readonly last: number | undefined;
  readonly flat: boolean;
}

/** Compares the second quarter with the last one: the first is for settling. */
export function computeTrends(samples: readonly Sample[]): Trend[] {
  const quarter = Math.max(Math.floor(samples.length / 4), 1);
  const settled = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(-quarter);
  return RULES.map(({ metric, title, aggregate, divisor, maxGrowthRatio, minGrowth }) => {
    const valueOf = (some: readonly Sample[]): number | undefined => {
      const values = some.map((sample) => sample[metric]).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : aggregate(values);
    };
    const [before, after] = [valueOf(settled), valueOf(last)];
    const toUnit = (value: number | undefined): number | undefined =>
      value === undefined ? undefined : value / divisor;
    const flat =
      before === undefined || after === undefined || after - before <= Math.max(before * maxGrowthRatio, minGrowth);
    return { title, settled: toUnit(before), last: toUnit(after), flat };
  });
}

const formatCell = (value: number | undefined): string =>
  value === undefined ? 'n/a' : value.toFixed(1).replace(/\.0$/, '');

export function soakReport(trends: readonly Trend[]): string {
  const rows = trends.map(({ title, settled, last, flat }) => [
    title,
    formatCell(settled),
    formatCell(last),
    settled === undefined ? 'not told' : flat ? 'flat' : 'GROWS',
  ]);
  const growing = trends.filter(({ flat }) => !flat).map(({ title }) => title);
  const verdict =
    growing.length === 0
      ? 'Nothing grows: what was taken for a client was given back.'
      : `Growing from the second quarter to the last: ${growing.join(', ')}.`;
  return `${alignedTable([['of the gate', 'second quarter', 'last quarter', ''], ...rows])}\n\n${verdict}`;
}

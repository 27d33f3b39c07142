import { alignedTable } from '../../tables.ts';
import { median } from './statistics.ts';

/** One sample of the gate's resources. A metric that the gate does not report is undefined. */
export interface Sample {
  /** Seconds since the start. */
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
  /** Reduces a quarter's samples to one value. For the heap it is the minimum: what garbage collection leaves. */
  readonly aggregate: (values: readonly number[]) => number;
  /** From the metric's unit to that of the report. */
  readonly divisor: number;
  /** Allowed growth relative to the second quarter. */
  readonly maxGrowthRatio: number;
  /** Growth up to this is always allowed, in the metric's unit. */
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
  /** Value in the second quarter, after the start-up phase; undefined if not measured. */
  readonly settled: number | undefined;
  /** Value in the last quarter. */
  readonly last: number | undefined;
  readonly flat: boolean;
}

/** Compares the second quarter of the samples with the last. The first quarter is the start-up phase. */
export function computeTrends(samples: readonly Sample[]): Trend[] {
  const quarter = Math.max(Math.floor(samples.length / 4), 1);
  const settled = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(-quarter);
  return RULES.map(({ metric, title, aggregate, divisor, maxGrowthRatio, minGrowth }) => {
    const aggregateMetric = (quarterSamples: readonly Sample[]): number | undefined => {
      const values = quarterSamples.map((sample) => sample[metric]).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : aggregate(values);
    };
    const [before, after] = [aggregateMetric(settled), aggregateMetric(last)];
    const toUnit = (value: number | undefined): number | undefined =>
      value === undefined ? undefined : value / divisor;
    const flat =
      before === undefined || after === undefined || after - before <= Math.max(before * maxGrowthRatio, minGrowth);
    return { title, settled: toUnit(before), last: toUnit(after), flat };
  });
}

const formatCell = (value: number | undefined): string =>
  value === undefined ? 'n/a' : value.toFixed(1).replace(/\.0$/, '');

/** Returns the trends as a table with a verdict. */
export function soakReport(trends: readonly Trend[]): string {
  const rows = trends.map(({ title, settled, last, flat }) => [
    title,
    formatCell(settled),
    formatCell(last),
    settled === undefined ? 'not measured' : flat ? 'flat' : 'GROWS',
  ]);
  const growing = trends.filter(({ flat }) => !flat).map(({ title }) => title);
  const verdict =
    growing.length === 0
      ? 'Nothing grows: the gate releases the resources of disconnected clients.'
      : `Growing from the second quarter to the last: ${growing.join(', ')}.`;
  return `${alignedTable([['gate', 'second quarter', 'last quarter', ''], ...rows])}\n\n${verdict}`;
}

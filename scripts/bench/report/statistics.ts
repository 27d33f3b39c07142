/** A distribution of times, in ms; what a benchmark tells of it. */
export interface TimeSummary {
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The value below which `part` (0 to 1) of the values lie: the nearest rank, so it is always one that was measured.
 * NaN where nothing was.
 */
export function quantile(sorted: readonly number[], fraction: number): number {
  const rank = Math.max(Math.ceil(fraction * sorted.length), 1);
  return sorted[rank - 1] ?? Number.NaN;
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

export const median = (values: readonly number[]): number => quantile(ascending(values), 0.5);

/** Undefined where nothing was measured: no number stands for that. */
export function summarizeTimes(values: readonly number[]): TimeSummary | undefined {
  if (values.length === 0) return undefined;
  const sorted = ascending(values);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

/** As many digits as mean something: three. */
export const roundToThreeDigits = (value: number): number => Number(value.toPrecision(3));

/** Summary of a distribution of times, in ms. */
export interface TimeSummary {
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Returns the quantile of ascending values at `fraction` (0 to 1) by nearest rank, so it is always a measured value.
 * Returns NaN without values.
 */
export function quantile(sorted: readonly number[], fraction: number): number {
  const rank = Math.max(Math.ceil(fraction * sorted.length), 1);
  return sorted[rank - 1] ?? Number.NaN;
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Returns the median by nearest rank, or NaN without values. */
export const median = (values: readonly number[]): number => quantile(ascending(values), 0.5);

/** Returns `undefined` without values. */
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

/** Rounds to three significant digits, the precision of the measurements. */
export const roundToThreeDigits = (value: number): number => Number(value.toPrecision(3));

import fc from 'fast-check';
import { median, quantile, roundToThreeDigits, summarizeTimes } from './statistics.ts';

const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });

it('returns a measured value that at least that fraction of the values does not exceed', () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, fraction) => {
      const sorted = [...values].sort((a, b) => a - b);
      const result = quantile(sorted, fraction);
      expect(values).toContain(result);
      expect(values.filter((value) => value <= result).length / values.length).toBeGreaterThanOrEqual(fraction - 1e-12);
    }),
  );
});

it('summarizes times independently of their order, ascending from the median to the maximum', () => {
  fc.assert(
    fc.property(times, (values) => {
      const summary = summarizeTimes(values);
      expect(summarizeTimes([...values].reverse())).toEqual(summary);
      const { median: middle = 0, p95 = 0, p99 = 0, max = 0 } = summary ?? {};
      expect([middle, p95, p99, max]).toEqual([middle, p95, p99, max].sort((a, b) => a - b));
      expect(max).toBe(Math.max(...values));
    }),
  );
});

it('reports one slow delivery of a hundred as the maximum and not as p99', () => {
  const values = [...Array.from({ length: 99 }, () => 1), 1_000];
  expect(summarizeTimes(values)).toEqual({ count: 100, median: 1, p95: 1, p99: 1, max: 1_000 });
});

it('returns no number without values', () => {
  expect(summarizeTimes([])).toBeUndefined();
  expect(median([])).toBeNaN();
});

it('rounds to three significant digits', () => {
  expect([12_345, 1.2345, 0.0012345, 0].map(roundToThreeDigits)).toEqual([12_300, 1.23, 0.00123, 0]);
});

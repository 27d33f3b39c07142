import fc from 'fast-check';
import { median, quantile, roundToThreeDigits, summarizeTimes } from './statistics.ts';

const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });

it('a quantile is a value that was measured, and at least that part of the values is not above it', () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, part) => {
      const sorted = [...values].sort((a, b) => a - b);
      const found = quantile(sorted, part);
      expect(values).toContain(found);
      expect(values.filter((value) => value <= found).length / values.length).toBeGreaterThanOrEqual(part - 1e-12);
    }),
  );
});

it('a spread does not depend on the order, and grows from its median to its maximum', () => {
  fc.assert(
    fc.property(times, (values) => {
      const spread = summarizeTimes(values);
      expect(summarizeTimes([...values].reverse())).toEqual(spread);
      const { median: middle = 0, p95 = 0, p99 = 0, max = 0 } = spread ?? {};
      expect([middle, p95, p99, max]).toEqual([middle, p95, p99, max].sort((a, b) => a - b));
      expect(max).toBe(Math.max(...values));
    }),
  );
});

it('one slow delivery of a hundred is the maximum and not the 99th part', () => {
  const values = [...Array.from({ length: 99 }, () => 1), 1_000];
  expect(summarizeTimes(values)).toEqual({ count: 100, median: 1, p95: 1, p99: 1, max: 1_000 });
});

it('nothing measured is no number', () => {
  expect(summarizeTimes([])).toBeUndefined();
  expect(median([])).toBeNaN();
});

it('three digits are told', () => {
  expect([12_345, 1.2345, 0.0012345, 0].map(roundToThreeDigits)).toEqual([12_300, 1.23, 0.00123, 0]);
});

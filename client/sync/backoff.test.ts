import fc from 'fast-check';
import { backoff } from './backoff.ts';

const anyFailureCount = fc.integer({ min: 1, max: 10_000 });
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyRetryAfterMs = fc.integer({ min: 0, max: 300_000 });

test('a delay is never under 0.25 seconds nor over 30 seconds', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, (count, random) => {
      const delayMs = backoff(count, () => random);
      expect(delayMs).toBeGreaterThanOrEqual(250);
      expect(delayMs).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('with the same random number, one more failure never shortens the delay', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, random, retryAfterMs) => {
      const delayMs = backoff(count, () => random, retryAfterMs);
      expect(backoff(count + 1, () => random, retryAfterMs)).toBeGreaterThanOrEqual(delayMs);
    }),
  );
});

test('a delay is at least Retry-After, and exceeds it by at most a quarter or by the delay without it', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, random, retryAfterMs) => {
      const delayMs = backoff(count, () => random, retryAfterMs);
      expect(delayMs).toBeGreaterThanOrEqual(retryAfterMs);
      expect(delayMs).toBeLessThanOrEqual(Math.max(retryAfterMs * 1.25, retryAfterMs + 15_000, 30_000) + 1);
    }),
  );
});

test('the same Retry-After spreads the clients over a quarter of it', () => {
  const delays = [0, 0.25, 0.5, 0.75].map((random) => backoff(1, () => random, 60_000));
  expect(delays).toEqual([60_000, 63_750, 67_500, 71_250]);
});

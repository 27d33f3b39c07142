import fc from 'fast-check';
import { backoff, MAX_DELAY_MS, type BackoffOptions } from './backoff.ts';

const anyFailureCount = fc.integer({ min: 1, max: 10_000 });
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyRetryAfterMs = fc.integer({ min: 0, max: 300_000 });

const visible = (random: number): BackoffOptions => ({ random: () => random, isVisible: () => true });
const hidden = (random: number): BackoffOptions => ({ random: () => random, isVisible: () => false });

test('a delay is never under 0.25 seconds nor over 6 seconds, or 30 seconds while the page is hidden', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, (count, random) => {
      expect(backoff(count, visible(random))).toBeGreaterThanOrEqual(250);
      expect(backoff(count, visible(random))).toBeLessThanOrEqual(6_000);
      expect(backoff(count, hidden(random))).toBeGreaterThanOrEqual(backoff(count, visible(random)));
      expect(backoff(count, hidden(random))).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('with the same random number, one more failure never shortens the delay', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, random, retryAfterMs) => {
      const delayMs = backoff(count, hidden(random), retryAfterMs);
      expect(backoff(count + 1, hidden(random), retryAfterMs)).toBeGreaterThanOrEqual(delayMs);
    }),
  );
});

test('a delay is at least Retry-After, and exceeds it by at most a quarter or by the delay without it', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, random, retryAfterMs) => {
      const delayMs = backoff(count, visible(random), retryAfterMs);
      expect(delayMs).toBeGreaterThanOrEqual(retryAfterMs);
      const maxMs = Math.max(retryAfterMs * 1.25, retryAfterMs + MAX_DELAY_MS.visible);
      expect(delayMs).toBeLessThanOrEqual(maxMs + 1);
    }),
  );
});

test('the same Retry-After spreads the clients over a quarter of it', () => {
  const delays = [0, 0.25, 0.5, 0.75].map((random) => backoff(1, visible(random), 60_000));
  expect(delays).toEqual([60_000, 63_750, 67_500, 71_250]);
});

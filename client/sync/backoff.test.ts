import fc from 'fast-check';
import { backoff } from './backoff.ts';

const anyFailureCount = fc.integer({ min: 1, max: 10_000 });
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyRetryAfterMs = fc.integer({ min: 0, max: 300_000 });

test('a wait is never under a quarter of a second nor over half a minute', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, (count, drawn) => {
      const wait = backoff(count, () => drawn);
      expect(wait).toBeGreaterThanOrEqual(250);
      expect(wait).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('with the same lot, one more failure never shortens the wait', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, drawn, ms) => {
      expect(backoff(count + 1, () => drawn, ms)).toBeGreaterThanOrEqual(backoff(count, () => drawn, ms));
    }),
  );
});

test('what the server asks for is waited, and by lot up to a quarter more or as long as without', () => {
  fc.assert(
    fc.property(anyFailureCount, anyRandom, anyRetryAfterMs, (count, drawn, ms) => {
      const wait = backoff(count, () => drawn, ms);
      expect(wait).toBeGreaterThanOrEqual(ms);
      expect(wait).toBeLessThanOrEqual(Math.max(ms * 1.25, ms + 15_000, 30_000) + 1);
    }),
  );
});

test('those who were all asked to wait as long come back spread over a quarter of that', () => {
  const waits = [0, 0.25, 0.5, 0.75].map((drawn) => backoff(1, () => drawn, 60_000));
  expect(waits).toEqual([60_000, 63_750, 67_500, 71_250]);
});

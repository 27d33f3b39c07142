import fc from 'fast-check';
import { backoff } from './backoff.ts';

const failures = fc.integer({ min: 1, max: 10_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a wait is never under a quarter of a second nor over half a minute', () => {
  fc.assert(
    fc.property(failures, random, (count, drawn) => {
      const wait = backoff(count, () => drawn);
      expect(wait).toBeGreaterThanOrEqual(250);
      expect(wait).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('with the same lot, one more failure never shortens the wait', () => {
  fc.assert(
    fc.property(failures, random, (count, drawn) => {
      expect(backoff(count + 1, () => drawn)).toBeGreaterThanOrEqual(backoff(count, () => drawn));
    }),
  );
});

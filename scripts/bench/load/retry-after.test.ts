import fc from 'fast-check';
import { getRetryDelayMs } from './retry-after.ts';

it('a first retry comes within a second, later ones within eight, and never all at once', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 50 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, dice) => {
        const wait = getRetryDelayMs(failures, undefined, () => dice);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThan(failures === 0 ? 1_000 : 8_001);
        if (dice > 0) expect(getRetryDelayMs(failures, undefined, () => dice / 2)).toBeLessThan(wait);
      },
    ),
  );
});

it('a server that says when to come again is not asked before, and is asked within the second after', () => {
  for (const dice of [0, 0.5, 0.99]) {
    const wait = getRetryDelayMs(4, '3', () => dice);
    expect(wait).toBeGreaterThanOrEqual(3_000);
    expect(wait).toBeLessThan(4_000);
  }
  expect(getRetryDelayMs(0, 'Wed, 21 Oct 2026 07:28:00 GMT', () => 0.5)).toBe(500);
});

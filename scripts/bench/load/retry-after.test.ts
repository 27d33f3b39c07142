import fc from 'fast-check';
import { getImpatientDelayMs, getRetryDelayMs } from './retry-after.ts';

it('spreads the first retry over one second and later ones over at most eight', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 50 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, randomValue) => {
        const delayMs = getRetryDelayMs(failures, undefined, () => randomValue);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThan(failures === 0 ? 1_000 : 8_001);
        if (randomValue > 0) expect(getRetryDelayMs(failures, undefined, () => randomValue / 2)).toBeLessThan(delayMs);
      },
    ),
  );
});

it('retries within the second after the server’s Retry-After, and never before it', () => {
  for (const randomValue of [0, 0.5, 0.99]) {
    const delayMs = getRetryDelayMs(4, '3', () => randomValue);
    expect(delayMs).toBeGreaterThanOrEqual(3_000);
    expect(delayMs).toBeLessThan(4_000);
  }
  expect(getRetryDelayMs(0, 'Wed, 21 Oct 2026 07:28:00 GMT', () => 0.5)).toBe(500);
});

it('impatient clients retry within 0.3 to 1 s', () => {
  expect([0, 0.5, 0.99].map((value) => getImpatientDelayMs(() => value))).toEqual([300, 650, 993]);
});

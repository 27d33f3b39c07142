import fc from 'fast-check';
import { estimateClockOffset, MAX_UNCERTAINTY_MS, type ServerTimeSample } from './clock-offset.ts';

const NOW = Date.UTC(2026, 10, 22, 9, 30);

/** A response that is sent `serverDelayMs` after its request, of a server whose clock is ahead by `offsetMs`. */
const sampleOf = (offsetMs: number, sentAt: number, elapsedMs: number, serverDelayMs: number): ServerTimeSample => ({
  date: Math.floor((sentAt + serverDelayMs + offsetMs) / 1_000) * 1_000,
  receivedAt: sentAt + elapsedMs,
  elapsedMs,
});

const anyTiming = fc
  .record({
    sentAt: fc.integer({ min: NOW, max: NOW + 86_400_000 }),
    elapsedMs: fc.nat(3_000),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ sentAt, elapsedMs, share }) => ({ sentAt, elapsedMs, serverDelayMs: elapsedMs * share }));
const YEAR_MS = 366 * 86_400_000;
const anyOffset = fc.oneof(
  fc.integer({ min: -10_000, max: 10_000 }),
  fc.integer({ min: -9 * YEAR_MS, max: 9 * YEAR_MS }),
);

test('the error is at most twice the uncertainty, whatever the delays are', () => {
  fc.assert(
    fc.property(anyOffset, anyTiming, (offset, { sentAt, elapsedMs, serverDelayMs }) => {
      const estimate = estimateClockOffset(undefined, sampleOf(offset, sentAt, elapsedMs, serverDelayMs)) ?? NaN;
      expect(Math.abs(estimate - offset)).toBeLessThanOrEqual(3 * MAX_UNCERTAINTY_MS);
    }),
  );
});

test('a steady clock is corrected at most once: no later sample changes a correction', () => {
  fc.assert(
    fc.property(anyOffset, fc.array(anyTiming, { minLength: 2 }), (offset, timings) => {
      const estimates = new Set<number | undefined>();
      let current: number | undefined;
      // A small offset may be within the uncertainty of the first responses.
      for (const { sentAt, elapsedMs, serverDelayMs } of timings) {
        current = estimateClockOffset(current, sampleOf(offset, sentAt, elapsedMs, serverDelayMs));
        estimates.add(current);
      }
      estimates.delete(0);
      expect(estimates.size).toBeLessThanOrEqual(1);
      if (estimates.size > 0) expect(estimates).toContain(current);
    }),
  );
});

test('the resolution of the header and the delay never make a correction', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_000, max: 2_000 }), anyTiming, (offset, { sentAt, elapsedMs, serverDelayMs }) => {
      expect(estimateClockOffset(undefined, sampleOf(offset, sentAt, elapsedMs, serverDelayMs))).toBe(0);
    }),
  );
});

test('a jump of more than eight seconds is noticed at the next response', () => {
  fc.assert(
    fc.property(anyOffset, anyOffset, anyTiming, (before, after, { sentAt, elapsedMs, serverDelayMs }) => {
      fc.pre(Math.abs(before - after) > 8_000);
      const estimate = estimateClockOffset(before, sampleOf(after, sentAt, elapsedMs, serverDelayMs)) ?? NaN;
      expect(Math.abs(estimate - after)).toBeLessThanOrEqual(3 * MAX_UNCERTAINTY_MS);
    }),
  );
});

test.each<[string, ServerTimeSample]>([
  ['of a slow response', { date: NOW + 86_400_000, receivedAt: NOW, elapsedMs: 3_001 }],
  ['without a date', { date: NaN, receivedAt: NOW, elapsedMs: 10 }],
  ['with an invalid duration', { date: NOW, receivedAt: NOW, elapsedMs: NaN }],
])('a sample %s changes nothing', (_name, sample) => {
  expect(estimateClockOffset(undefined, sample)).toBeUndefined();
  expect(estimateClockOffset(5_000, sample)).toBe(5_000);
});

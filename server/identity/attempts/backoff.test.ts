import fc from 'fast-check';
import {
  addFailure,
  countAt,
  delayAfter,
  nextAttemptAt,
  NO_FAILURES,
  removeFailure,
  reserve,
  sumFailures,
  type BackoffPolicy,
  type Failures,
} from './backoff.ts';

const START = Date.parse('2026-11-30T12:00:00Z');
const policies = fc.record<BackoffPolicy>({
  freeFailures: fc.integer({ min: 1, max: 50 }),
  maxDelayMs: fc.integer({ min: 1_000, max: 600_000 }),
  decayMs: fc.integer({ min: 1_000, max: 600_000 }),
});
/** Steps of time in ms, also back. */
const steps = fc.array(fc.integer({ min: -600_000, max: 600_000 }), { maxLength: 40 });

/** Fails at each step, as early as the policy allows. */
function failRepeatedly(policy: BackoffPolicy, gaps: readonly number[]): { failures: Failures; now: number } {
  let failures = NO_FAILURES;
  let now = START;
  for (const gap of gaps) {
    now += gap;
    failures = addFailure(failures, policy, nextAttemptAt(failures, policy, now), now);
  }
  return { failures, now };
}

test('a user who types a wrong password a few times waits for nothing', () => {
  fc.assert(
    fc.property(policies, (policy) => {
      const { failures, now } = failRepeatedly(policy, Array<number>(policy.freeFailures - 1).fill(0));
      expect(nextAttemptAt(failures, policy, now)).toBe(now);
    }),
  );
});

test('the delay doubles from one second to the longest, and never exceeds it', () => {
  const policy = { freeFailures: 3, maxDelayMs: 10_000, decayMs: 60_000 };
  expect([0, 1, 2, 3, 4, 5, 6, 7, 100].map((count) => delayAfter(count, policy))).toEqual([
    0, 0, 0, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
});

test('whatever has failed, and wherever the clock was set, the next attempt may start within the longest delay', () => {
  fc.assert(
    fc.property(policies, steps, fc.integer({ min: -1e9, max: 1e9 }), (policy, gaps, jump) => {
      const { failures, now } = failRepeatedly(policy, gaps);
      const later = now + jump;
      const next = nextAttemptAt(failures, policy, later);
      expect(next).toBeGreaterThanOrEqual(later);
      expect(next).toBeLessThanOrEqual(later + policy.maxDelayMs);
    }),
  );
});

test('all failures are forgotten in a time that does not depend on how many there were', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 300 }), (policy, attempts) => {
      const { failures, now } = failRepeatedly(policy, Array<number>(attempts).fill(0));
      const doublings = Math.ceil(Math.log2(policy.maxDelayMs / 1_000));
      const later = now + (policy.freeFailures + doublings) * policy.decayMs;
      expect(countAt(failures, policy, later)).toBeCloseTo(0);
    }),
  );
});

test('a failure that is taken back leaves no failure, and a reservation adds none', () => {
  fc.assert(
    fc.property(policies, steps, (policy, gaps) => {
      const { failures, now } = failRepeatedly(policy, gaps);
      const before = countAt(failures, policy, now);
      const reserved = reserve(failures, policy, now, now);
      expect(countAt(reserved, policy, now)).toBe(before);
      const takenBack = removeFailure(addFailure(failures, policy, now, now));
      expect(countAt(takenBack, policy, now)).toBeLessThanOrEqual(before + 1e-6);
    }),
  );
});

test('the sum over gates does not depend on their order, and is never less than one of them', () => {
  const lists = fc.array(steps, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(policies, lists, (policy, all) => {
      const gates = all.map((gaps) => failRepeatedly(policy, gaps).failures);
      const sum = sumFailures(gates, policy, START);
      const reversed = sumFailures(gates.toReversed(), policy, START);
      expect(reversed.count).toBeCloseTo(sum.count);
      expect(reversed.nextAt).toBe(sum.nextAt);
      for (const each of gates) expect(sum.count).toBeGreaterThanOrEqual(countAt(each, policy, START) - 1e-6);
    }),
  );
});

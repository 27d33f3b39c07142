/** How failures delay further attempts. */
export interface BackoffPolicy {
  /** Failures that delay nothing: typing errors. */
  readonly freeFailures: number;
  /** The longest delay, in ms. The first is one second, and each further failure doubles it. */
  readonly maxDelayMs: number;
  /** One failure is forgotten in this time, in ms. */
  readonly decayMs: number;
}

/** The failures of one key, such as a name. Times in ms since 1970. */
export interface Failures {
  /** Decays from `countedAt` on, so it may be a fraction. */
  readonly count: number;
  readonly countedAt: number;
  /** When the next attempt may start. */
  readonly nextAt: number;
}

export const NO_FAILURES: Failures = { count: 0, countedAt: 0, nextAt: 0 };

const FIRST_DELAY_MS = 1_000;

/** A failure beyond this many lengthens neither the delay nor the time until all are forgotten. */
const maxCount = ({ freeFailures, maxDelayMs }: BackoffPolicy): number =>
  freeFailures + Math.max(0, Math.ceil(Math.log2(maxDelayMs / FIRST_DELAY_MS)));

/** Returns the delay after so many failures, in ms. */
export function delayAfter(count: number, { freeFailures, maxDelayMs }: BackoffPolicy): number {
  const excess = Math.floor(count) - freeFailures;
  return excess < 0 ? 0 : Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** excess);
}

/** Returns the failures that are not forgotten yet. Those of a time in the future are kept: the clock was set back. */
export const countAt = ({ count, countedAt }: Failures, { decayMs }: BackoffPolicy, now: number): number =>
  Math.max(0, count - Math.max(0, now - countedAt) / decayMs);

/** Returns when the next attempt may start, at most the longest delay from now. */
export const nextAttemptAt = ({ nextAt }: Failures, { maxDelayMs }: BackoffPolicy, now: number): number =>
  Math.min(Math.max(nextAt, now), now + maxDelayMs);

/**
 * Adds a failure.
 *
 * @param failures - The failures until now.
 * @param policy - The policy of the key.
 * @param startsAt - When the failing attempt starts, which may be after `now`: the next one then waits behind it.
 * @param now - The current time.
 * @returns The failures with the new one.
 */
export function addFailure(failures: Failures, policy: BackoffPolicy, startsAt: number, now: number): Failures {
  const count = Math.min(maxCount(policy), countAt(failures, policy, now) + 1);
  const nextAt = Math.max(nextAttemptAt(failures, policy, now), startsAt + delayAfter(count, policy));
  return { count, countedAt: now, nextAt };
}

/** Takes the time of an attempt that has not failed yet: while the key is delayed, the next one waits behind it. */
export const reserve = (failures: Failures, policy: BackoffPolicy, startsAt: number, now: number): Failures => ({
  ...failures,
  nextAt: Math.max(nextAttemptAt(failures, policy, now), startsAt + delayAfter(countAt(failures, policy, now), policy)),
});

/** Takes back a failure that was added before the outcome was known. */
export const removeFailure = (failures: Failures): Failures => ({
  ...failures,
  count: Math.max(0, failures.count - 1),
});

/** Returns the failures of one key at several gates. */
export function sumFailures(all: readonly Failures[], policy: BackoffPolicy, now: number): Failures {
  const count = all.reduce((sum, each) => sum + countAt(each, policy, now), 0);
  return {
    count: Math.min(maxCount(policy), count),
    countedAt: now,
    nextAt: Math.max(0, ...all.map(({ nextAt }) => nextAt)),
  };
}

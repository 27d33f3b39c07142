const BASE_DELAY_MS = 1_000;
const MAX_DELAY_MS = 8_000;

/**
 * Returns a client's delay before its next request, in ms. It is random, up to one second after the first failure. Each
 * further failure doubles that maximum, to at most eight seconds. With `Retry-After` in seconds (RFC 9110, 10.2.3) the
 * client retries at a random time in the second after it instead.
 */
export function getRetryDelayMs(failures: number, retryAfter: string | undefined, random: () => number): number {
  const maxDelayMs = Math.min(BASE_DELAY_MS * 2 ** failures, MAX_DELAY_MS);
  const retryAfterMs = retryAfter === undefined ? Number.NaN : Number(retryAfter) * 1_000;
  return Number.isFinite(retryAfterMs) ? retryAfterMs + random() * BASE_DELAY_MS : random() * maxDelayMs;
}

const IMPATIENT_DELAY_MS = { min: 300, max: 1_000 } as const;

/** Returns the delay of a client that retries soon, whatever the server says, in ms. */
export const getImpatientDelayMs = (random: () => number): number =>
  IMPATIENT_DELAY_MS.min + random() * (IMPATIENT_DELAY_MS.max - IMPATIENT_DELAY_MS.min);

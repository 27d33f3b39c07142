/** In ms. */
const BASE_DELAY_MS = 1_000;
const MAX_DELAY_MS = 8_000;

/**
 * How long a client waits before it asks again, in ms: at random in up to a second after the first failure, in twice as much
 * after each further one. A server that says when (`Retry-After` in seconds, RFC 9110, 10.2.3) is asked in the second
 * after that.
 */
export function getRetryDelayMs(failures: number, retryAfter: string | undefined, random: () => number): number {
  const maxDelayMs = Math.min(BASE_DELAY_MS * 2 ** failures, MAX_DELAY_MS);
  const retryAfterMs = retryAfter === undefined ? Number.NaN : Number(retryAfter) * 1_000;
  return Number.isFinite(retryAfterMs) ? retryAfterMs + random() * BASE_DELAY_MS : random() * maxDelayMs;
}

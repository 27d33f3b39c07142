/** Parses the `Retry-After` header of an overloaded server. */

/** The longest delay that is honoured, so that a misconfigured server does not keep browsers away for a day. */
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Returns the delay in milliseconds of a `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), at most five minutes;
 * 0 when the header is missing or invalid. `now` is in milliseconds since 1970.
 */
export const parseRetryAfter = (value: string | null, now: number): number => {
  if (value === null) return 0;
  const seconds = Number(value);
  const delayMs = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1_000;
  return delayMs > 0 ? Math.min(delayMs, MAX_RETRY_AFTER_MS) : 0;
};

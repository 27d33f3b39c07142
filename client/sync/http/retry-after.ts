/** How long a server that has too much to do asks to be left alone. */
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Milliseconds, of a `Retry-After` in seconds or as a date (RFC 9110, 10.2.3): 0 for none or for one that cannot be read,
 * and five minutes at the most, since nobody who made a mistake there should keep a browser away for a day.
 */
export const parseRetryAfter = (value: string | null, now: number): number => {
  const ms = Number(value) * 1000 || Date.parse(String(value)) - now;
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : 0;
};

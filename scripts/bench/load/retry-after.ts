/** In ms. */
const FIRST = 1_000;
const LONGEST = 8_000;

/**
 * How long a client waits before it asks again, in ms: at random in up to a second after the first failure, in twice as much
 * after each further one. A server that says when (`Retry-After` in seconds, RFC 9110, 10.2.3) is asked in the second
 * after that.
 */
export function retryWait(failures: number, retryAfter: string | undefined, random: () => number): number {
  const most = Math.min(FIRST * 2 ** failures, LONGEST);
  const told = retryAfter === undefined ? Number.NaN : Number(retryAfter) * 1_000;
  return Number.isFinite(told) ? told + random() * FIRST : random() * most;
}

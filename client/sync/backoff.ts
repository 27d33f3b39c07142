/** Computes the delay before the next retry. */
const INITIAL_DELAY_MS = 500;

/** A failure of a connection that was live for longer than this is the first one of a new count, in milliseconds. */
const MIN_STABLE_MS = 5_000;

/**
 * The longest delay without a `Retry-After`, in milliseconds. While a page is visible the delay stays short, so that the
 * page is live again within seconds after the network path has recovered. A server under load requests a longer delay by
 * `Retry-After`. A hidden page may wait longer, because it retries immediately when it becomes visible.
 */
export const MAX_DELAY_MS = { visible: 6_000, hidden: 30_000 } as const;

export interface BackoffOptions {
  readonly random: () => number;
  readonly isVisible: () => boolean;
}

/**
 * Returns the number of consecutive failures, including the new one.
 *
 * @param failures - The number before it.
 * @param liveMs - How long the connection was live, in milliseconds. Not positive if it never was.
 */
export const countFailure = (failures: number, liveMs: number): number => (liveMs > MIN_STABLE_MS ? 1 : failures + 1);

/**
 * Returns the milliseconds to wait after `failures` consecutive failures (1 or more). The delay doubles up to the maximum,
 * and half of it is random. It is never shorter than `retryAfterMs`, which the server requested. The random part spreads the
 * reconnects of browsers that a restart disconnected at the same moment.
 */
export const backoff = (failures: number, { random, isVisible }: BackoffOptions, retryAfterMs = 0): number => {
  const maxDelayMs = isVisible() ? MAX_DELAY_MS.visible : MAX_DELAY_MS.hidden;
  const half = Math.min(maxDelayMs, INITIAL_DELAY_MS * 2 ** (failures - 1)) / 2;
  return Math.max(half, retryAfterMs) + Math.max(half, retryAfterMs / 4) * random();
};

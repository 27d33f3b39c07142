/** Computes the delay before the next retry. */
const INITIAL_DELAY_MS = 500;

/**
 * The longest delay without a `Retry-After`, in milliseconds. While a page is visible the delay stays short, so that the
 * page is live soon after its path is well again, whatever happened before. A server under load asks for more time itself,
 * by `Retry-After`. A hidden page has time: it retries at once when it becomes visible.
 */
export const MAX_DELAY_MS = { visible: 6_000, hidden: 30_000 } as const;

export interface BackoffOptions {
  readonly random: () => number;
  readonly isVisible: () => boolean;
}

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

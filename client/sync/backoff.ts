/** Computes the delay before the next retry. */
const INITIAL_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/**
 * Returns the milliseconds to wait after `failures` consecutive failures (1 or more). The delay doubles up to 30 seconds, and
 * half of it is random. It is never shorter than `retryAfterMs`, which the server requested. The random part spreads the
 * reconnects of browsers that a restart disconnected at the same moment.
 */
export const backoff = (failures: number, random: () => number, retryAfterMs = 0): number => {
  const half = Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** (failures - 1)) / 2;
  return Math.max(half, retryAfterMs) + Math.max(half, retryAfterMs / 4) * random();
};

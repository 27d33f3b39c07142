/** How long to wait before the next attempt. */
const INITIAL_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 1), and never less than the server has `asked` for.
 * A part of it is drawn by lot, so that the browsers that a restart has cut off do not all come back in the same moment.
 */
export const backoff = (failures: number, random: () => number, retryAfterMs = 0): number => {
  const half = Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** (failures - 1)) / 2;
  return Math.max(half, retryAfterMs) + Math.max(half, retryAfterMs / 4) * random();
};

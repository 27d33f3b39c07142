/** How long to wait before the next attempt. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 1). Half of it is drawn by lot, so that the browsers
 * that a restart has cut off do not all come back in the same moment.
 */
export const backoff = (failures: number, random: () => number): number => {
  const span = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(span / 2 + (span / 2) * random());
};

/** What a check found on one path. */
export interface Outcome {
  readonly passed: boolean;
  /** A few words for the table. */
  readonly note: string;
}

/** How long a client may take to become live, and an edit to arrive, in ms. */
export const MAX_LIVE_MS = 5_000;

/** Returns a duration in seconds, for the table. */
export const formatSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Resolves with the time until `predicate` returns true, in ms, or with `undefined` after `timeoutMs`. */
export function timeUntil(
  subscribe: (listener: () => void) => () => void,
  predicate: () => boolean,
  timeoutMs: number,
): Promise<number | undefined> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const finish = (ms: number | undefined): void => {
      clearTimeout(timeout);
      unsubscribe();
      resolve(ms);
    };
    const check = (): void => {
      if (predicate()) finish(performance.now() - startedAt);
    };
    const timeout = setTimeout(() => finish(undefined), timeoutMs);
    const unsubscribe = subscribe(check);
    check();
  });
}

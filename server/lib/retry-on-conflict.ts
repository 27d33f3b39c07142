import pRetry from 'p-retry';

export interface RetryOptions {
  /** The first attempt counts. */
  readonly maxAttempts: number;
  /** The lower bound of the first delay, in ms. 0 retries at once. Default: 5. */
  readonly minDelayMs?: number;
}

export interface RetryOnConflictOptions extends RetryOptions {
  /** Returns the error after the last attempt. */
  readonly onExhausted: () => Error;
}

/** The result of an attempt that has removed its own obstacle: the next attempt follows without a delay. */
export const RETRY_AT_ONCE = Symbol('retry at once');

/**
 * The delay after the nth attempt is n × 5 ms to n × 15 ms. All delays take 60 ms on average with four attempts, 0.28 s with eight
 * and 1.9 s with twenty.
 */
const DEFAULT_MIN_DELAY_MS = 5;
/** The upper bound of each delay, as a multiple of its lower bound. */
const MAX_DELAY_RATIO = 3;

/** Neither leaves this module. */
const CONFLICT = new Error('conflict');
const OBSTACLE_REMOVED = new Error('obstacle removed');

/**
 * Repeats a read and write of a document until no other write interferes. The jitter of the delays separates two writers that
 * collided, and the delays let a lagging replica of a cluster catch up.
 *
 * @param attempt Resolves with undefined on a conflict. An error that it rejects with is not retried.
 * @returns The first other result.
 * @throws The error of `onExhausted` if the last attempt has a conflict, too.
 */
export async function retryOnConflict<T>(
  attempt: () => Promise<T | typeof RETRY_AT_ONCE | undefined>,
  { onExhausted, ...options }: RetryOnConflictOptions,
): Promise<T> {
  const result = await retryWhileUndefined(attempt, options);
  if (result === undefined) throw onExhausted();
  return result;
}

/** Like `retryOnConflict`, but resolves with undefined if the last attempt does. */
export async function retryWhileUndefined<T>(
  attempt: () => Promise<T | typeof RETRY_AT_ONCE | undefined>,
  { maxAttempts, minDelayMs = DEFAULT_MIN_DELAY_MS }: RetryOptions,
): Promise<T | undefined> {
  const attemptOrThrow = async (): Promise<T> => {
    const result = await attempt();
    if (result === undefined) throw CONFLICT;
    if (result === RETRY_AT_ONCE) throw OBSTACLE_REMOVED;
    return result;
  };
  try {
    return await pRetry(attemptOrThrow, {
      retries: maxAttempts - 1,
      minTimeout: 0,
      async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
        if (error !== CONFLICT || retriesLeft === 0 || minDelayMs === 0) return;
        const delay = attemptNumber * minDelayMs * (1 + (MAX_DELAY_RATIO - 1) * Math.random());
        await new Promise((resolve) => setTimeout(resolve, delay));
      },
      shouldRetry: ({ error }) => error === CONFLICT || error === OBSTACLE_REMOVED,
    });
  } catch (error) {
    if (error === CONFLICT || error === OBSTACLE_REMOVED) return undefined;
    throw error;
  }
}

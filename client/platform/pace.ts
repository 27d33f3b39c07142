/** Delays, rate limits and timeouts. Every loop that awaits the platform has a rate limit, and every wait has a timeout. */

/** Resolves after `ms` milliseconds, or immediately when `signal` is aborted. It then leaves no timer. */
export const delay = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    if (signal?.aborted) finish();
    else signal?.addEventListener('abort', finish);
  });

/** A rate limit. Resolves when the caller may proceed, or when `signal` is aborted. */
export type Pace = (signal?: AbortSignal) => Promise<void>;

/**
 * Creates a rate limit of `limit` calls in any window of `windowMs` milliseconds. Calls below the limit resolve immediately,
 * later ones in order. It reads the monotonic clock, and has a timer only while a caller waits.
 */
export function createPace(limit: number, windowMs: number): Pace {
  const turns = new Array<number>(limit).fill(-Infinity);
  return async (signal) => {
    const now = performance.now();
    const turn = Math.max(now, (turns.shift() ?? now) + windowMs);
    turns.push(turn);
    if (turn > now) await delay(turn - now, signal);
  };
}

/** The number of consecutive timers of a timeout. */
const TIMEOUT_PARTS = 5;

/**
 * Whether the task resolves within `ms` milliseconds. Rejects if it rejects before that. After a computer or a page has slept,
 * timers may fire before the events of operations that finished during the sleep. So the timeout consists of several timers, and a
 * sleep counts as one of them.
 */
export const resolvesWithin = async (ms: number, task: Promise<unknown>): Promise<boolean> => {
  const settled = new AbortController();
  const stop = (): void => settled.abort();
  task.then(stop, stop);
  for (let part = 0; part < TIMEOUT_PARTS && !settled.signal.aborted; part += 1) {
    await delay(ms / TIMEOUT_PARTS, settled.signal);
  }
  if (!settled.signal.aborted) return false;
  await task;
  return true;
};

/** Settles as the task does, or rejects after `ms` milliseconds: a task of the platform may never settle. */
export const withTimeout = async <T>(ms: number, what: string, task: () => Promise<T>): Promise<T> => {
  const running = task();
  if (await resolvesWithin(ms, running)) return running;
  throw new Error(`${what} did not respond within ${ms} ms.`);
};

/** Delays, paces and timeouts: every loop that awaits the platform has a pace, and every wait has a timeout. */

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted. No timer remains then. */
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

/** Resolves when the caller's turn has come, or when `signal` is aborted. */
export type Pace = (signal?: AbortSignal) => Promise<void>;

/**
 * Allows `limit` turns in any window of `windowMs` milliseconds. The first come at once, so that what works is not delayed.
 * It reads the monotonic clock and has a timer only while a caller waits.
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

/** In how many parts a timeout elapses. */
const TIMEOUT_PARTS = 5;

/**
 * Whether the task resolves within `ms` milliseconds. Rejects if it rejects before that. The timeout elapses in parts: when
 * a computer or a page has slept, timers may fire before the events of what was finished meanwhile arrive. So a sleep counts
 * as one part.
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

/** Resolves or rejects as the task does, or rejects after `ms` milliseconds: a task of the platform may never settle. */
export const withTimeout = async <T>(ms: number, what: string, task: () => Promise<T>): Promise<T> => {
  const running = task();
  if (await resolvesWithin(ms, running)) return running;
  throw new Error(`${what} did not respond within ${ms} ms.`);
};

/**
 * Web Locks that may reject at once, hang or be missing. A lock that another tab holds is waited for: only a lock manager
 * that does not respond is replaced, by locks of this store alone, until it responds again.
 */
import type { Report } from './health.ts';
import { delay, withTimeout } from './pace.ts';
import type { PlatformTiming } from './timing.ts';
import { createInProcessLocks, type Locks } from './web-locks.ts';

export interface GuardedLocksOptions {
  readonly locks: Locks;
  /** Starts the name of the lock that probes the lock manager. */
  readonly name: string;
  readonly timing: PlatformTiming;
  /** Called with false, too, while a lock without options is waited for. */
  readonly report: Report;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** The lock manager failed before the task began. */
const NOT_GRANTED = Symbol('not granted');

export function guardLocks({ locks, name, timing, report, signal }: GuardedLocksOptions): Locks {
  const ownLocks = createInProcessLocks();
  let isWorking = true;
  let probing: Promise<void> | undefined;

  /** Calls the lock manager in a promise, because one that is missing or broken throws. */
  const call = async (lock: string, options: LockOptions | undefined, task: () => Promise<void>): Promise<void> =>
    options ? locks.request(lock, options, task) : locks.request(lock, task);

  /** Finds out whether the lock manager responds, whoever holds which lock. Repeats it at intervals until it does. */
  const probe = (): Promise<void> => {
    const task = (): Promise<void> => Promise.resolve();
    probing ??= withTimeout(timing.responseMs, 'Web Locks', () => call(`${name}:probe`, { ifAvailable: true }, task))
      .then(
        () => true,
        () => false,
      )
      .then((responds) => {
        probing = undefined;
        isWorking = responds;
        report(responds);
        if (!responds) void delay(timing.retryMs, signal).then(() => (signal.aborted ? undefined : probe()));
      });
    return probing;
  };

  const requestOnce = <T>(
    lock: string,
    options: LockOptions | undefined,
    task: () => Promise<T>,
  ): Promise<T | typeof NOT_GRANTED> =>
    new Promise((resolve, reject) => {
      let state: 'waiting' | 'granted' | 'ended' = 'waiting';
      /** Rejects when the request was withdrawn, or its lock was stolen. */
      const end = (error = new Error('The lock manager does not respond.')): void => {
        clearTimeout(timer);
        if (state === 'waiting' && !options?.signal?.aborted) resolve(NOT_GRANTED);
        else reject(error);
        state = 'ended';
      };
      const onSlow = async (): Promise<void> => {
        await probe();
        if (state !== 'waiting') return;
        if (!isWorking) end();
        else if (!options) report(false);
      };
      const timer = setTimeout(() => void onSlow(), timing.responseMs);
      for (const aborted of [options?.signal, options && signal]) {
        aborted?.addEventListener('abort', () => state === 'waiting' && end(aborted.reason as Error));
      }
      call(lock, options, async () => {
        if (state !== 'waiting') return;
        state = 'granted';
        clearTimeout(timer);
        report(isWorking);
        const running = task();
        running.then(resolve, reject);
        await running;
      }).catch(end);
    });

  const request = async <T>(lock: string, options: LockOptions | undefined, task: () => Promise<T>): Promise<T> => {
    const works = (): boolean => isWorking;
    while (works()) {
      const result = await requestOnce(lock, options, task);
      if (result !== NOT_GRANTED) return result;
      if (signal.aborted) break;
      // WebKit rejects every request while a document unloads. Such a document does not outlive the delay.
      if (works()) await delay(timing.retryMs / 10, options?.signal ?? signal);
      if (works()) await probe();
    }
    // No election is won after the end.
    if (options) signal.throwIfAborted();
    return options ? ownLocks.request(lock, options, task) : ownLocks.request(lock, task);
  };

  return {
    request: <T>(lock: string, optionsOrTask: LockOptions | (() => Promise<T>), task?: () => Promise<T>): Promise<T> =>
      typeof optionsOrTask === 'function'
        ? request(lock, undefined, optionsOrTask)
        : request(lock, optionsOrTask, task as () => Promise<T>),
  };
}

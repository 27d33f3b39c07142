/**
 * Web Locks that may reject immediately, hang or be missing. A request waits for a lock that another tab holds. Only a lock
 * manager that does not respond is replaced, by locks of this store alone, until it responds again.
 */
import type { Report } from './health.ts';
import { delay, withTimeout } from './pace.ts';
import type { PlatformTiming } from './timing.ts';
import { createInProcessLocks, type Locks } from './web-locks.ts';

export interface GuardedLocksOptions {
  readonly locks: Locks;
  /** The prefix of the name of the lock with which the lock manager is probed. */
  readonly name: string;
  readonly timing: PlatformTiming;
  /** Also called with false while a request without options waits for a lock. */
  readonly report: Report;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** The lock manager failed before the task began. */
const NOT_GRANTED = Symbol('not granted');

/** Returns locks that use the lock manager while it responds, and locks of this store otherwise. */
export const guardLocks = (options: GuardedLocksOptions): Locks => new GuardedLocks(options);

class GuardedLocks implements Locks {
  readonly #options: GuardedLocksOptions;
  readonly #ownLocks = createInProcessLocks();
  #isWorking = true;
  #probing: Promise<void> | undefined;

  constructor(options: GuardedLocksOptions) {
    this.#options = options;
  }

  request<T>(lock: string, task: () => Promise<T>): Promise<T>;
  request<T>(lock: string, options: LockOptions, task: () => Promise<T>): Promise<T>;
  request<T>(lock: string, optionsOrTask: LockOptions | (() => Promise<T>), task?: () => Promise<T>): Promise<T> {
    return typeof optionsOrTask === 'function'
      ? this.#request(lock, undefined, optionsOrTask)
      : this.#request(lock, optionsOrTask, task as () => Promise<T>);
  }

  async #request<T>(lock: string, options: LockOptions | undefined, task: () => Promise<T>): Promise<T> {
    const { timing, signal } = this.#options;
    while (this.#works()) {
      const result = await this.#requestOnce(lock, options, task);
      if (result !== NOT_GRANTED) return result;
      if (signal.aborted) break;
      // WebKit rejects every request while a document unloads. Such a document does not outlive the delay.
      if (this.#works()) await delay(timing.retryMs / 10, options?.signal ?? signal);
      if (this.#works()) await this.#probe();
    }
    // After the store is closed, no tab becomes leader by these locks.
    if (options) signal.throwIfAborted();
    return options ? this.#ownLocks.request(lock, options, task) : this.#ownLocks.request(lock, task);
  }

  #works(): boolean {
    return this.#isWorking;
  }

  /** Async, so that a missing or broken lock manager rejects instead of throwing. */
  async #call(lock: string, options: LockOptions | undefined, task: () => Promise<void>): Promise<void> {
    const { locks } = this.#options;
    return options ? locks.request(lock, options, task) : locks.request(lock, task);
  }

  /** Checks whether the lock manager responds, regardless of who holds which lock. Repeats at intervals until it does. */
  #probe(): Promise<void> {
    const { name, timing, report, signal } = this.#options;
    const task = (): Promise<void> => Promise.resolve();
    const request = (): Promise<void> => this.#call(`${name}:probe`, { ifAvailable: true }, task);
    this.#probing ??= withTimeout(timing.responseMs, 'Web Locks', request)
      .then(
        () => true,
        () => false,
      )
      .then((responds) => {
        this.#probing = undefined;
        this.#isWorking = responds;
        report(responds);
        if (!responds) void delay(timing.retryMs, signal).then(() => (signal.aborted ? undefined : this.#probe()));
      });
    return this.#probing;
  }

  /** Requests the lock from the lock manager. Resolves with `NOT_GRANTED` if the manager fails before the task begins. */
  #requestOnce<T>(
    lock: string,
    options: LockOptions | undefined,
    task: () => Promise<T>,
  ): Promise<T | typeof NOT_GRANTED> {
    const { timing, report, signal } = this.#options;
    return new Promise((resolve, reject) => {
      let state: 'waiting' | 'granted' | 'ended' = 'waiting';
      /** Settles a request that ended without a result. Rejects if it was withdrawn, or if its lock was stolen. */
      const end = (error = new Error('The lock manager does not respond.')): void => {
        clearTimeout(timer);
        if (state === 'waiting' && !options?.signal?.aborted) resolve(NOT_GRANTED);
        else reject(error);
        state = 'ended';
      };
      const onSlow = async (): Promise<void> => {
        await this.#probe();
        if (state !== 'waiting') return;
        if (!this.#isWorking) end();
        else if (!options) report(false);
      };
      const timer = setTimeout(() => void onSlow(), timing.responseMs);
      for (const aborted of [options?.signal, options && signal]) {
        aborted?.addEventListener('abort', () => state === 'waiting' && end(aborted.reason as Error));
      }
      this.#call(lock, options, async () => {
        if (state !== 'waiting') return;
        state = 'granted';
        clearTimeout(timer);
        report(this.#isWorking);
        const running = task();
        running.then(resolve, reject);
        await running;
      }).catch(end);
    });
  }
}

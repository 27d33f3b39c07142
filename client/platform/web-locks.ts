/** The subset of `LockManager` that the library uses: https://www.w3.org/TR/web-locks/ */
export interface Locks {
  /** Runs the task while no other holder in this browser has the lock of this name. */
  request<T>(name: string, task: () => Promise<T>): Promise<T>;
  /**
   * The same with options. `signal` withdraws a waiting request. `steal` takes the lock at once; the previous holder's
   * request then rejects. With `ifAvailable` the task runs at once, whether or not the lock is free.
   */
  request<T>(name: string, options: LockOptions, task: () => Promise<T>): Promise<T>;
}

/**
 * Replaces Web Locks where there are none (plain HTTP, Node). Each store is on its own there. Requests without options run
 * one after another. Requests with options, which are those of the leader election, run at once.
 */
export function createInProcessLocks(): Locks {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    request: <T>(
      _name: string,
      optionsOrTask: LockOptions | (() => Promise<T>),
      task?: () => Promise<T>,
    ): Promise<T> => {
      if (typeof optionsOrTask !== 'function') return (task as () => Promise<T>)();
      const result = tail.then(optionsOrTask);
      tail = result.catch(() => undefined);
      return result;
    },
  };
}

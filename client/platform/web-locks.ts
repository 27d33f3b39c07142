/** What is used of Web Locks: https://www.w3.org/TR/web-locks/ */
export interface Locks {
  /** Runs the task while nobody else in this browser does anything under this name. */
  request<T>(name: string, task: () => Promise<T>): Promise<T>;
  /** The same, until the signal; or, with `steal`, at once: then the request of who had it rejects. */
  request<T>(name: string, options: LockOptions, task: () => Promise<T>): Promise<T>;
}

/**
 * Where there are no locks (plain HTTP, Node) each store is by itself: one thing is done after the other, but for what would
 * wait for its turn with options, which is done at once.
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

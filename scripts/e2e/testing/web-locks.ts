/** The Web Locks of one browser, which Node 20 does not have: what is used of https://www.w3.org/TR/web-locks/ */

interface Waiting {
  readonly grant: () => void;
}

interface Name {
  /** Ends the hold of whoever has the lock, when it is stolen. */
  lose: ((reason: DOMException) => void) | undefined;
  readonly queue: Waiting[];
}

type Task = (lock: Lock | null) => unknown;

/** Exclusive locks, granted in the order they were asked for, or stolen. */
export function createLockManager(): LockManager {
  const names = new Map<string, Name>();

  const grantNext = (state: Name): void => {
    const next = state.queue.shift();
    // Held from this moment on, though whoever waited only goes on in the next one.
    state.lose = next === undefined ? undefined : () => undefined;
    next?.grant();
  };

  const hold = async (name: string, state: Name, task: Task): Promise<unknown> => {
    let lose: (reason: DOMException) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      lose = reject;
    });
    state.lose = lose;
    try {
      return await Promise.race([Promise.resolve(task({ name, mode: 'exclusive' })), lost]);
    } finally {
      if (state.lose === lose) grantNext(state);
    }
  };

  const wait = (state: Name, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiting: Waiting = {
        grant: () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const giveUp = (): void => {
        const at = state.queue.indexOf(waiting);
        if (at >= 0) state.queue.splice(at, 1);
        reject(signal?.reason instanceof Error ? signal.reason : new DOMException('Given up.', 'AbortError'));
      };
      signal?.addEventListener('abort', giveUp);
      state.queue.push(waiting);
    });

  const request = async (name: string, first: LockOptions | Task, second?: Task): Promise<unknown> => {
    const options = typeof first === 'function' ? {} : first;
    const task = typeof first === 'function' ? first : second;
    if (task === undefined || options.mode === 'shared') throw new TypeError('There are no such locks here.');
    // A task never runs before the call of `request` is over: https://www.w3.org/TR/web-locks/#api-lock-manager-request
    await Promise.resolve();
    options.signal?.throwIfAborted();
    const state: Name = names.get(name) ?? { lose: undefined, queue: [] };
    names.set(name, state);
    if (options.steal === true) {
      state.lose?.(new DOMException('The lock was stolen.', 'AbortError'));
    } else if (state.lose !== undefined || state.queue.length > 0) {
      if (options.ifAvailable === true) return task(null);
      await wait(state, options.signal);
    }
    return hold(name, state, task);
  };

  return {
    request: request,
    query: () =>
      Promise.resolve({
        held: [...names].filter(([, { lose }]) => lose !== undefined).map(([name]) => ({ name, mode: 'exclusive' })),
        pending: [...names].flatMap(([name, { queue }]) => queue.map(() => ({ name, mode: 'exclusive' as const }))),
      }),
  };
}

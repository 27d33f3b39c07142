/** The Web Locks of one browser, which Node 20 does not have: what is used of https://www.w3.org/TR/web-locks/ */

interface PendingLockRequest {
  readonly grant: () => void;
}

interface LockState {
  /** Ends the hold of whoever has the lock, when it is stolen. */
  revoke: ((reason: DOMException) => void) | undefined;
  readonly queue: PendingLockRequest[];
}

type LockTask = (lock: Lock | null) => unknown;

/** Exclusive locks, granted in the order they were asked for, or stolen. */
export function createLockManager(): LockManager {
  const lockStates = new Map<string, LockState>();

  const grantNext = (state: LockState): void => {
    const next = state.queue.shift();
    // Held from this moment on, though whoever waited only goes on in the next one.
    state.revoke = next === undefined ? undefined : () => undefined;
    next?.grant();
  };

  const runWithLock = async (name: string, state: LockState, task: LockTask): Promise<unknown> => {
    let lose: (reason: DOMException) => void = () => undefined;
    const revoked = new Promise<never>((_resolve, reject) => {
      lose = reject;
    });
    state.revoke = lose;
    try {
      return await Promise.race([Promise.resolve(task({ name, mode: 'exclusive' })), revoked]);
    } finally {
      if (state.revoke === lose) grantNext(state);
    }
  };

  const enqueue = (state: LockState, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const pendingRequest: PendingLockRequest = {
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        const at = state.queue.indexOf(pendingRequest);
        if (at >= 0) state.queue.splice(at, 1);
        reject(signal?.reason instanceof Error ? signal.reason : new DOMException('Given up.', 'AbortError'));
      };
      signal?.addEventListener('abort', onAbort);
      state.queue.push(pendingRequest);
    });

  const request = async (name: string, first: LockOptions | LockTask, second?: LockTask): Promise<unknown> => {
    const options = typeof first === 'function' ? {} : first;
    const task = typeof first === 'function' ? first : second;
    if (task === undefined || options.mode === 'shared') throw new TypeError('There are no such locks here.');
    // A task never runs before the call of `request` is over: https://www.w3.org/TR/web-locks/#api-lock-manager-request
    await Promise.resolve();
    options.signal?.throwIfAborted();
    const state: LockState = lockStates.get(name) ?? { revoke: undefined, queue: [] };
    lockStates.set(name, state);
    if (options.steal === true) {
      state.revoke?.(new DOMException('The lock was stolen.', 'AbortError'));
    } else if (state.revoke !== undefined || state.queue.length > 0) {
      if (options.ifAvailable === true) return task(null);
      await enqueue(state, options.signal);
    }
    return runWithLock(name, state, task);
  };

  return {
    request: request,
    query: () =>
      Promise.resolve({
        held: [...lockStates]
          .filter(([, { revoke }]) => revoke !== undefined)
          .map(([name]) => ({ name, mode: 'exclusive' })),
        pending: [...lockStates].flatMap(([name, { queue }]) =>
          queue.map(() => ({ name, mode: 'exclusive' as const })),
        ),
      }),
  };
}

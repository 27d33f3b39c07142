/** The Web Locks of one browser, which Node 20 lacks. Implements the used subset of https://www.w3.org/TR/web-locks/ */

interface PendingLockRequest {
  readonly grant: () => void;
}

interface LockState {
  /** Rejects the holder's request when the lock is stolen. Undefined while the lock is free. */
  revoke: ((reason: DOMException) => void) | undefined;
  readonly queue: PendingLockRequest[];
}

type LockTask = (lock: Lock | null) => unknown;

/** Exclusive locks, granted in the order of their requests, or stolen. */
export function createLockManager(): LockManager {
  const lockStates = new Map<string, LockState>();

  const grantNext = (state: LockState): void => {
    const next = state.queue.shift();
    // The lock is held from now on, although the next task starts in a later microtask.
    state.revoke = next === undefined ? undefined : () => undefined;
    next?.grant();
  };

  const runWithLock = async (name: string, state: LockState, task: LockTask): Promise<unknown> => {
    let revoke: (reason: DOMException) => void = () => undefined;
    const revoked = new Promise<never>((_resolve, reject) => {
      revoke = reject;
    });
    state.revoke = revoke;
    try {
      return await Promise.race([Promise.resolve(task({ name, mode: 'exclusive' })), revoked]);
    } finally {
      if (state.revoke === revoke) grantNext(state);
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
        const index = state.queue.indexOf(pendingRequest);
        if (index >= 0) state.queue.splice(index, 1);
        reject(
          signal?.reason instanceof Error ? signal.reason : new DOMException('The request was aborted.', 'AbortError'),
        );
      };
      signal?.addEventListener('abort', onAbort);
      state.queue.push(pendingRequest);
    });

  const request = async (name: string, first: LockOptions | LockTask, second?: LockTask): Promise<unknown> => {
    const options = typeof first === 'function' ? {} : first;
    const task = typeof first === 'function' ? first : second;
    if (task === undefined || options.mode === 'shared') throw new TypeError('Shared locks are not supported.');
    // A task never runs before `request` has returned: https://www.w3.org/TR/web-locks/#api-lock-manager-request
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
    request,
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

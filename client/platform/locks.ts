/**
 * Locks that all tabs of one browser share, by the Web Locks API (https://www.w3.org/TR/web-locks/): a tab that closes
 * lets go of them without being asked. Where there is none (plain HTTP, Node) each store is by itself.
 */
export interface Locks {
  /** False where each tab has locks of its own. */
  readonly areShared: boolean;
  /** Runs `task` while nobody else does anything under this name. */
  readonly exclusive: <T>(name: string, task: () => Promise<T>) => Promise<T>;
  /**
   * Waits to be the only one of this name, then runs `task` and stays the only one until it is done. With `steal` it does
   * not wait: who was the only one until then is told by the signal that its task was given. Never rejects.
   */
  readonly lead: (
    name: string,
    signal: AbortSignal,
    task: (signal: AbortSignal) => Promise<void>,
    steal?: boolean,
  ) => Promise<void>;
}

/** One after the other, within this set of locks alone; and everybody leads. */
function createQueue(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  return {
    areShared: false,
    exclusive: (name, task) => {
      const turn = (tails.get(name) ?? Promise.resolve()).then(task);
      tails.set(
        name,
        turn.catch(() => undefined),
      );
      return turn;
    },
    lead: (_name, signal, task) => (signal.aborted ? Promise.resolve() : task(signal)),
  };
}

export function createLocks(manager: LockManager | undefined): Locks {
  if (manager === undefined) return createQueue();
  return {
    areShared: true,
    exclusive: (name, task) => manager.request(name, task),
    lead: async (name, signal, task, steal = false) => {
      const lost = new AbortController();
      // Stolen, or given up while waiting for it: whoever leads is told, and nobody has to catch it.
      await manager
        .request(name, steal ? { steal } : { signal }, () => task(AbortSignal.any([signal, lost.signal])))
        .catch(() => lost.abort());
    },
  };
}

/** A single-event emitter. */
export interface Emitter<T extends readonly unknown[] = []> {
  /** Calls every subscribed listener with these arguments. */
  readonly emit: (...args: T) => void;
  /** Adds a listener. Returns a function that removes it. */
  readonly subscribe: (listener: (...args: T) => void) => () => void;
}

export function createEmitter<T extends readonly unknown[] = []>(): Emitter<T> {
  const listeners = new Set<(...args: T) => void>();
  return {
    emit: (...args) => listeners.forEach((listener) => listener(...args)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The longest delay that `setTimeout` takes: 2^31 - 1 milliseconds, about 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Resolves with true at the next event, or with false after `timeoutMs` milliseconds (default: about 24.8 days). */
export const waitForEvent = ({ subscribe }: Emitter, timeoutMs = MAX_TIMEOUT_MS): Promise<boolean> =>
  new Promise((resolve) => {
    const finish = (wasEmitted: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(wasEmitted);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    const unsubscribe = subscribe(() => finish(true));
  });

/** Tells whoever listens. */
export interface Emitter<T extends readonly unknown[] = []> {
  readonly emit: (...told: T) => void;
  /** Returns what ends that. */
  readonly subscribe: (listener: (...told: T) => void) => () => void;
}

export function createEmitter<T extends readonly unknown[] = []>(): Emitter<T> {
  const listeners = new Set<(...told: T) => void>();
  return {
    emit: (...told) => listeners.forEach((listener) => listener(...told)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Resolved at the next ring (true), or after `ms` milliseconds: after weeks, where nothing is said. */
export const waitForEvent = ({ subscribe }: Emitter, timeoutMs = 2 ** 31 - 1): Promise<boolean> =>
  new Promise((resolve) => {
    const finish = (wasEmitted: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(wasEmitted);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    const unsubscribe = subscribe(() => finish(true));
  });

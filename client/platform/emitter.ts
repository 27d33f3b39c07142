/** Tells whoever listens. */
export interface Bell<T extends readonly unknown[] = []> {
  readonly ring: (...told: T) => void;
  /** Returns what ends that. */
  readonly listen: (listener: (...told: T) => void) => () => void;
}

export function createBell<T extends readonly unknown[] = []>(): Bell<T> {
  const listeners = new Set<(...told: T) => void>();
  return {
    ring: (...told) => listeners.forEach((listener) => listener(...told)),
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Resolved at the next ring (true), or after `ms` milliseconds: after weeks, where nothing is said. */
export const rings = ({ listen }: Bell, ms = 2 ** 31 - 1): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (isRung: boolean): void => {
      clearTimeout(timer);
      unlisten();
      resolve(isRung);
    };
    const timer = setTimeout(() => end(false), ms);
    const unlisten = listen(() => end(true));
  });

/** A bell that cuts a wait short: the network is back, the page is looked at, somebody has signed in again. */
export interface WakeSignal {
  readonly ring: () => void;
  readonly listen: (listener: () => void) => () => void;
  /** Resolved at the next ring (true), after `ms` milliseconds, or once `signal` is aborted. */
  readonly wait: (signal: AbortSignal, ms?: number) => Promise<boolean>;
}

export function createWakeSignal(): WakeSignal {
  const listeners = new Set<() => void>();
  const listen: WakeSignal['listen'] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    ring: () => {
      for (const listener of [...listeners]) listener();
    },
    listen,
    wait: (signal, ms) =>
      new Promise((resolve) => {
        const end = (isRung: boolean): void => {
          clearTimeout(timer);
          unlisten();
          signal.removeEventListener('abort', done);
          resolve(isRung);
        };
        const done = (): void => end(false);
        const timer = ms === undefined ? undefined : setTimeout(done, ms);
        const unlisten = listen(() => end(true));
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      }),
  };
}

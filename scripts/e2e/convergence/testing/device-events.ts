import { MAX_WAIT_MS } from '../../../../couchdb-design/testing/patience.ts';

/** Counts the responses and changes of a scenario's devices, and waits for conditions that they may make true. */
export class DeviceEvents {
  /** Responses and changes. */
  count = 0;
  responseCount = 0;
  readonly #listeners = new Set<() => void>();

  record(event: 'response' | 'change'): void {
    this.count += 1;
    if (event === 'response') this.responseCount += 1;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves with true once the predicate holds, checked after each event; with false after a timeout. */
  waitUntil(predicate: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (value: boolean): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        resolve(value);
      };
      const check = (): void => {
        if (predicate()) end(true);
      };
      const timer = setTimeout(() => end(false), MAX_WAIT_MS);
      this.#listeners.add(check);
      check();
    });
  }
}

/** Collects functions that release resources, and calls them in reverse order of their addition. */
export class CleanupStack {
  readonly #cleanups: (() => unknown)[] = [];

  /** Adds a function that releases one resource. It may return a promise. */
  add(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Calls each function once, the last added first, and awaits it. Rejects with the first error. */
  async run(): Promise<void> {
    for (let cleanup = this.#cleanups.pop(); cleanup !== undefined; cleanup = this.#cleanups.pop()) await cleanup();
  }
}

import { limitConcurrency, type ConcurrencyLimit } from './concurrency-limit.ts';

/**
 * Runs what has the same key at most so many at a time, in the order in which it came. With the user as the key, one who asks
 * for much keeps nobody else waiting; one at a time, nothing of this process comes in between.
 */
export class KeyedConcurrencyLimit {
  readonly #max: number;
  readonly #limits = new Map<string, { readonly run: ConcurrencyLimit; count: number }>();

  constructor(most: number) {
    this.#max = most;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = this.#limits.get(key) ?? { run: limitConcurrency(this.#max), count: 0 };
    this.#limits.set(key, mine);
    mine.count += 1;
    try {
      return await mine.run(work);
    } finally {
      mine.count -= 1;
      if (mine.count === 0) this.#limits.delete(key);
    }
  }
}

import { atMost, type AtMost } from './concurrency-limit.ts';

/**
 * Runs what has the same key at most so many at a time, in the order in which it came. With the user as the key, one who asks
 * for much keeps nobody else waiting; one at a time, nothing of this process comes in between.
 */
export class FewAtATime {
  readonly #most: number;
  readonly #keys = new Map<string, { readonly run: AtMost; count: number }>();

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = this.#keys.get(key) ?? { run: atMost(this.#most), count: 0 };
    this.#keys.set(key, mine);
    mine.count += 1;
    try {
      return await mine.run(work);
    } finally {
      mine.count -= 1;
      if (mine.count === 0) this.#keys.delete(key);
    }
  }
}

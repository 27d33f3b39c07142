import pLimit, { type LimitFunction } from 'p-limit';

/** An idle limit takes some 1.4 kB. Without a bound, one would be kept for each key of the highest load. */
const MAX_IDLE_LIMITS = 256;

interface KeyLimit {
  readonly limit: LimitFunction;
  /** Tasks that run or wait. */
  taskCount: number;
}

/**
 * Limits how many tasks of one key run at once, in the order of their calls. With the user as the key, a user with many
 * requests delays no other user. With a limit of 1, a key's tasks in this process never interleave.
 */
export class KeyedConcurrencyLimit {
  readonly #max: number;
  readonly #limits = new Map<string, KeyLimit>();
  /** Reused for the next key: creating a limit takes some 10 µs, a task in an existing one 1.5 µs. */
  readonly #idle: KeyLimit[] = [];

  /** @param max How many tasks of one key run at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Runs `work` once fewer than the limit of its key run. Settles as `work` does. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#limits.get(key) ?? this.#idle.pop() ?? { limit: pLimit(this.#max), taskCount: 0 };
    this.#limits.set(key, entry);
    entry.taskCount += 1;
    try {
      return await entry.limit(work);
    } finally {
      entry.taskCount -= 1;
      if (entry.taskCount === 0) {
        this.#limits.delete(key);
        if (this.#idle.length < MAX_IDLE_LIMITS) this.#idle.push(entry);
      }
    }
  }
}

import type { IncrementResponse, Store } from 'express-rate-limit';
import { createLocalStore, type RateLimit, type RateLimits } from '../http/rate-limits.ts';
import type { Count, CountCall } from './messages.ts';

/** Resolves with the count of the primary, or with `undefined` if it did not respond in time. Never rejects. */
export type CallCounter = (call: CountCall) => Promise<Count | undefined>;

/** The counters of the rate limits of all workers, in the primary process. */
export class SharedCounters {
  readonly #stores = new Map<string, Store>();

  /** Returns the count after an increment, and otherwise `undefined`. */
  async apply({ counter, windowMs, key, operation }: CountCall): Promise<Count | undefined> {
    const store = this.#stores.get(counter) ?? createLocalStore(windowMs);
    this.#stores.set(counter, store);
    switch (operation) {
      case 'increment': {
        const { totalHits, resetTime } = await store.increment(key);
        return { totalHits, resetAt: resetTime?.getTime() ?? Date.now() + windowMs };
      }
      case 'decrement':
        await store.decrement(key);
        return undefined;
      case 'reset':
        await store.resetKey(key);
        return undefined;
    }
  }
}

/** Returns the limits with counters that all workers share. */
export function shareRateLimits(limits: RateLimits, call: CallCounter): RateLimits {
  const share = ([name, limit]: [string, RateLimit]): [string, RateLimit] => {
    // A limit may count several routes separately. All workers create their routes in the same order.
    let count = 0;
    const createStore = (windowMs: number): Store => {
      count += 1;
      return new SharedStore(`${name} ${count}`, windowMs, call);
    };
    return [name, { ...limit, createStore }];
  };
  return Object.fromEntries(Object.entries(limits).map(share)) as unknown as RateLimits;
}

/** Counts in the primary process, and in this one as well: its own count applies if the primary does not respond. */
class SharedStore implements Store {
  readonly localKeys = false;
  readonly #counter: string;
  readonly #windowMs: number;
  readonly #call: CallCounter;
  readonly #local: Store;

  constructor(counter: string, windowMs: number, call: CallCounter) {
    this.#counter = counter;
    this.#windowMs = windowMs;
    this.#call = call;
    this.#local = createLocalStore(windowMs);
  }

  async increment(key: string): Promise<IncrementResponse> {
    const [local, shared] = await Promise.all([this.#local.increment(key), this.#callWith(key, 'increment')]);
    return shared === undefined ? local : { totalHits: shared.totalHits, resetTime: new Date(shared.resetAt) };
  }

  async decrement(key: string): Promise<void> {
    await Promise.all([this.#local.decrement(key), this.#callWith(key, 'decrement')]);
  }

  async resetKey(key: string): Promise<void> {
    await Promise.all([this.#local.resetKey(key), this.#callWith(key, 'reset')]);
  }

  #callWith(key: string, operation: CountCall['operation']): Promise<Count | undefined> {
    return this.#call({ counter: this.#counter, windowMs: this.#windowMs, key, operation });
  }
}

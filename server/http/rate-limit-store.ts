import { LRUCache } from 'lru-cache';
import type { IncrementResponse, Store } from 'express-rate-limit';

/** Keys per limit. Beyond it the key that was used least recently is forgotten, so an attacker's keys do not fill the memory. */
const MAX_KEYS = 20_000;

interface Window {
  readonly totalHits: number;
  readonly resetTime: Date;
}

/** Counts requests by key. Each key has a window of its own, which begins with its first request. Bounded in memory. */
export class RateLimitStore implements Store {
  readonly localKeys = true;
  readonly #windowMs: number;
  readonly #windows = new LRUCache<string, Window>({ max: MAX_KEYS });

  /** @param windowMs - The length of a window, in ms. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** The number of keys that are counted. */
  get size(): number {
    return this.#windows.size;
  }

  increment(key: string): IncrementResponse {
    const { totalHits, resetTime } = this.#current(key);
    const window = { totalHits: totalHits + 1, resetTime };
    this.#windows.set(key, window);
    return window;
  }

  decrement(key: string): void {
    const { totalHits, resetTime } = this.#current(key);
    this.#windows.set(key, { totalHits: Math.max(0, totalHits - 1), resetTime });
  }

  resetKey(key: string): void {
    this.#windows.delete(key);
  }

  /** Returns the current window of a key. One that ends later than it can was begun before the clock was set back. */
  #current(key: string): Window {
    const now = Date.now();
    const window = this.#windows.get(key);
    const restMs = (window?.resetTime.getTime() ?? 0) - now;
    const isCurrent = restMs > 0 && restMs <= this.#windowMs;
    return window !== undefined && isCurrent ? window : { totalHits: 0, resetTime: new Date(now + this.#windowMs) };
  }
}

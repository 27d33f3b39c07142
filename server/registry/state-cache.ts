import { LRUCache } from 'lru-cache';
import type { LeafState } from './leaf-state.ts';

/** More than the live users of one process. Each state takes some 200 bytes. */
const MAX_STATES = 20_000;

/**
 * The latest state that the feed reported of each document with a waiter. A client that reconnects with the state it just
 * received is answered from here, without a database read. The cache is valid only while the feed runs: `clear` it when the
 * feed ends. States that were *read* are not cached, because a read may come from a replica that lags.
 */
export class StateCache {
  readonly #states: LRUCache<string, LeafState>;

  /** @param maxStates How many states are kept; the one updated longest ago is evicted first. */
  constructor(maxStates = MAX_STATES) {
    this.#states = new LRUCache({ max: maxStates });
  }

  get(id: string): LeafState | undefined {
    // `peek` leaves the order as it is: states are evicted by their last update, not by their last use.
    return this.#states.peek(id);
  }

  /** Replaces the cached state; `undefined` removes it. */
  set(id: string, state: LeafState | undefined): void {
    this.#states.set(id, state);
  }

  clear(): void {
    this.#states.clear();
  }
}

import type { LeafState } from './leaf-state.ts';

/** As many as one process has live users, and then some; each takes some 200 bytes. */
const MAX_STATES = 20_000;

/**
 * What the feed said last of the documents that somebody waited for. A client that was just told a change asks again with
 * what it was told, and need not be looked up in the database for that. Only a feed that runs keeps it true: `clear` it
 * when the feed ends. States that were *read* are not kept here: the copy of a cluster that was asked may lag behind.
 */
export class StateCache {
  readonly #states = new Map<string, LeafState>();
  readonly #maxSize: number;

  constructor(most = MAX_STATES) {
    this.#maxSize = most;
  }

  get(id: string): LeafState | undefined {
    return this.#states.get(id);
  }

  /** Keeps `state` in place of what was kept; undefined keeps nothing. What had no news for longest makes room. */
  set(id: string, state: LeafState | undefined): void {
    this.#states.delete(id);
    if (state === undefined) return;
    this.#states.set(id, state);
    for (const oldest of this.#states.keys()) {
      if (this.#states.size <= this.#maxSize) return;
      this.#states.delete(oldest);
    }
  }

  clear(): void {
    this.#states.clear();
  }
}

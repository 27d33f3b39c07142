import { setTimeout as sleep } from 'node:timers/promises';

/** Spaces the starts of requests evenly. */
export class Pacer {
  readonly #intervalMs: number;
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /** Resolves when the next request may start. Rejects when the signal aborts. */
  async turn(signal?: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#intervalMs;
    // A timer is late by up to a millisecond. Waits of less would halve a high rate.
    if (at - now >= 1) await sleep(at - now, undefined, signal === undefined ? {} : { signal });
    else signal?.throwIfAborted();
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/**
 * The drain lead time (`DRAIN_LEAD_SECONDS`): a stopping server still serves everything while its readiness check fails, so that
 * load balancers stop using it before its port closes. It can be ended early.
 */
export class DrainLead {
  readonly #ms: number;
  readonly #abortController = new AbortController();
  #running = false;

  /** With 0 ms it ends immediately. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Resolves when the lead time is over. */
  async run(): Promise<void> {
    if (this.#ms === 0) return;
    this.#running = true;
    // It rejects only when `end` aborts it.
    await delay(this.#ms, undefined, { signal: this.#abortController.signal }).catch(() => undefined);
    this.#running = false;
  }

  /** Ends the lead time now. Returns false if it is not running. */
  end(): boolean {
    if (!this.#running) return false;
    this.#running = false;
    this.#abortController.abort();
    return true;
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/**
 * The drain lead time (`DRAIN_LEAD_SECONDS`): a stopping server still serves everything while its readiness check fails, so that
 * load balancers stop using it before its port closes. It can be ended early.
 */
export class DrainLead {
  readonly #abortController = new AbortController();
  #running = false;

  /** Resolves when the lead time is over. With 0 ms it ends immediately. */
  async run(ms: number): Promise<void> {
    if (ms === 0) return;
    this.#running = true;
    // It rejects only when `end` aborts it.
    await delay(ms, undefined, { signal: this.#abortController.signal }).catch(() => undefined);
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

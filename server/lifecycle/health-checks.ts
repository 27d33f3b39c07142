import type { IncomingMessage } from 'node:http';

/** The endpoints for supervisors and load balancers. */
const HEALTH_PATHS: readonly string[] = ['/healthz', '/readyz'];
/** Several load balancers of one address check several times a second each. 32 checks are 10 ms of work. */
const MAX_BYPASSES_PER_CLIENT = 32;
/** The limit of all clients keeps health checks from occupying the process. */
const MAX_BYPASSES = 128;
const WINDOW_MS = 1_000;

/**
 * Decides which health checks bypass the admission queue, because they show whether the process is alive. The numbers per second of a
 * client and of all clients are limited; further ones wait like other requests.
 */
export class HealthChecks {
  readonly #bypassesByClient = new Map<string, number>();
  #bypasses = 0;
  #windowStartedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param req - Any request.
   * @param client - The key of its client.
   * @param now - The time in ms.
   * @returns Whether the request is a health check within the limits; it is then counted.
   */
  mayBypass({ url = '' }: IncomingMessage, client: string, now: number): boolean {
    if (!HEALTH_PATHS.includes(url)) return false;
    if (now - this.#windowStartedAt >= WINDOW_MS) {
      this.#windowStartedAt = now;
      this.#bypasses = 0;
      this.#bypassesByClient.clear();
    }
    const ofClient = this.#bypassesByClient.get(client) ?? 0;
    if (this.#bypasses >= MAX_BYPASSES || ofClient >= MAX_BYPASSES_PER_CLIENT) return false;
    this.#bypasses += 1;
    this.#bypassesByClient.set(client, ofClient + 1);
    return true;
  }
}

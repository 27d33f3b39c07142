import { setTimeout as delay } from 'node:timers/promises';
import { LiveClient, createCounts, type ClientCounts, type Endpoint, type Patience } from './live-client.ts';

export interface ClientPoolOptions {
  readonly endpoint: Endpoint;
  readonly users: readonly { readonly ownId: string; readonly token: string }[];
  /** New connections per second. Real users do not all connect in one instant, except in a reconnect storm. */
  readonly perSecond: number;
  readonly patience: Patience;
  /** Attempts to connect again, per second. Default: unlimited. */
  readonly reconnectsPerSecond?: number | undefined;
  /** Called for each row with the user's index and the revisions of its leaves. */
  readonly onChange: (user: number, leaves: readonly string[]) => void;
  readonly now: () => number;
  readonly random: () => number;
}

const POLL_INTERVAL_MS = 20;
const CHECK_INTERVAL_MS = 5_000;

/** The live clients of many users, one per user. */
export class ClientPool {
  readonly counts: ClientCounts = createCounts();
  readonly #clients: readonly LiveClient[];
  readonly #options: ClientPoolOptions;
  readonly #checkTimer: NodeJS.Timeout;
  readonly #reconnectTimer: NodeJS.Timeout | undefined;
  /** Clients that wait until they may connect again. */
  #reconnects: (() => void)[] = [];
  #isStopped = false;

  constructor(options: ClientPoolOptions) {
    this.#options = options;
    const { endpoint, now, random, onChange, patience, reconnectsPerSecond } = options;
    const scheduleConnect = (connect: () => void): void => {
      if (reconnectsPerSecond === undefined) connect();
      else this.#reconnects.push(connect);
    };
    this.#clients = options.users.map(
      ({ ownId, token }, user) =>
        new LiveClient({
          endpoint,
          ownId,
          token,
          counts: this.counts,
          patience,
          scheduleConnect,
          onChange: (leaves) => onChange(user, leaves),
          now,
          random,
        }),
    );
    this.#checkTimer = setInterval(() => {
      for (const client of this.#clients) client.closeIfSilent();
    }, CHECK_INTERVAL_MS);
    if (reconnectsPerSecond !== undefined) {
      const perInterval = (reconnectsPerSecond * POLL_INTERVAL_MS) / 1_000;
      this.#reconnectTimer = setInterval(() => {
        for (const connect of this.#reconnects.splice(0, perInterval)) connect();
      }, POLL_INTERVAL_MS);
    }
  }

  get size(): number {
    return this.#clients.length;
  }

  /** Connects all clients, at most `perSecond` per second. Does not wait until they are parked. */
  async start(): Promise<void> {
    const { now, perSecond } = this.#options;
    const startedAt = now();
    for (let started = 0; started < this.#clients.length && !this.#isStopped;) {
      const due = Math.min(
        Math.ceil(((now() - startedAt + POLL_INTERVAL_MS) / 1_000) * perSecond),
        this.#clients.length,
      );
      for (; started < due; started += 1) this.#clients[started]?.start();
      await delay(POLL_INTERVAL_MS);
    }
  }

  /** Resolves with `true` once all clients are parked, or with `false` after `timeoutMs` milliseconds. */
  async allParked(timeoutMs: number): Promise<boolean> {
    const { now } = this.#options;
    const deadline = now() + timeoutMs;
    while (this.counts.parked < this.size && now() < deadline) await delay(POLL_INTERVAL_MS);
    return this.counts.parked === this.size;
  }

  /** Disconnects one random client immediately, and reconnects it within a second. */
  churn(): void {
    const { random } = this.#options;
    const client = this.#clients[Math.floor(random() * this.size)];
    client?.stop(random() < 0.5 ? 'reset' : 'closed');
    setTimeout(() => {
      if (!this.#isStopped) client?.start();
    }, random() * 1_000);
  }

  /** Disconnects all clients permanently. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#checkTimer);
    clearInterval(this.#reconnectTimer);
    this.#reconnects = [];
    for (const client of this.#clients) client.stop('closed');
  }
}

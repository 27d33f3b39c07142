import { setTimeout as delay } from 'node:timers/promises';
import { LiveClient, noCounts, type Counts, type Door } from './live-client.ts';

export interface CrowdOptions {
  readonly door: Door;
  readonly users: readonly { readonly ownId: string; readonly token: string }[];
  /** New connections a second: a crowd does not come in one instant, but for a storm. */
  readonly perSecond: number;
  readonly onTold: (user: number, leaves: readonly string[]) => void;
  readonly now: () => number;
  readonly random: () => number;
}

/** In ms. */
const STEP = 20;
const CHECK_EVERY = 5_000;

/** Many users' live clients. */
export class Crowd {
  readonly counts: Counts = noCounts();
  readonly #clients: readonly LiveClient[];
  readonly #options: CrowdOptions;
  readonly #checking: NodeJS.Timeout;
  #over = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
    const { door, now, random, onTold } = options;
    this.#clients = options.users.map(
      ({ ownId, token }, user) =>
        new LiveClient({
          door,
          ownId,
          token,
          counts: this.counts,
          onTold: (leaves) => onTold(user, leaves),
          now,
          random,
        }),
    );
    this.#checking = setInterval(() => {
      for (const client of this.#clients) client.check();
    }, CHECK_EVERY);
  }

  get size(): number {
    return this.#clients.length;
  }

  /** Connects them all, `perSecond` at most. */
  async start(): Promise<void> {
    const { now, perSecond } = this.#options;
    const began = now();
    for (let started = 0; started < this.#clients.length && !this.#over;) {
      const due = Math.min(Math.ceil(((now() - began + STEP) / 1_000) * perSecond), this.#clients.length);
      for (; started < due; started += 1) this.#clients[started]?.start();
      await delay(STEP);
    }
  }

  /** Resolves with whether all are parked, within `most` ms. */
  async allParked(most: number): Promise<boolean> {
    const { now } = this.#options;
    const end = now() + most;
    while (this.counts.parked < this.size && now() < end) await delay(STEP);
    return this.counts.parked === this.size;
  }

  /** One of them, at random, leaves at once and comes back within a second. */
  churn(): void {
    const { random } = this.#options;
    const client = this.#clients[Math.floor(random() * this.size)];
    client?.stop(random() < 0.5 ? 'reset' : 'closed');
    setTimeout(() => {
      if (!this.#over) client?.start();
    }, random() * 1_000);
  }

  end(): void {
    this.#over = true;
    clearInterval(this.#checking);
    for (const client of this.#clients) client.stop('closed');
  }
}

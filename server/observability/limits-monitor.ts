import type { Logger } from 'pino';
import { LIMITS, type LimitName } from '../http/limit-names.ts';

/** The least time between two log lines, in ms. */
const LOG_INTERVAL_MS = 1_000;
/** How long a limit is reported as active after its last effect, in ms. A load balancer checks readiness more often than this. */
const ACTIVE_MS = 10_000;

interface LimitCount {
  total: number;
  /** Since the last log line. */
  unlogged: number;
  lastAt: number;
}

/** The effects of the limits, for the metrics and for `/readyz`. */
export interface LimitStats {
  /** How many requests each limit has rejected or delayed since the start. */
  readonly totals: Readonly<Record<LimitName, number>>;
  /** The limits that have rejected or delayed a request within the last ten seconds. */
  readonly active: readonly LimitName[];
}

export interface LimitsMonitorOptions {
  readonly log: Pick<Logger, 'warn'>;
  /** Returns a monotonic time in ms. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
  /** Calls a function once, after a time in ms. Default: `setTimeout`, without keeping the process alive. */
  readonly schedule?: ((run: () => void, ms: number) => unknown) | undefined;
}

/** Counts the requests that limits reject or delay. While there are any, it logs one line with their numbers per second. */
export class LimitsMonitor implements LimitStats {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  readonly #schedule: (run: () => void, ms: number) => unknown;
  readonly #counts = new Map<LimitName, LimitCount>();
  #isScheduled = false;

  constructor({ log, now, schedule }: LimitsMonitorOptions) {
    this.#log = log;
    this.#now = now ?? (() => performance.now());
    this.#schedule = schedule ?? ((run, ms) => setTimeout(run, ms).unref());
  }

  /** Counts `requests` that a limit has rejected or delayed. */
  readonly count = (limit: LimitName, requests = 1): void => {
    const count = this.#counts.get(limit) ?? { total: 0, unlogged: 0, lastAt: 0 };
    this.#counts.set(limit, count);
    count.total += requests;
    count.unlogged += requests;
    count.lastAt = this.#now();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => this.#logCounts(), LOG_INTERVAL_MS);
  };

  get totals(): Readonly<Record<LimitName, number>> {
    const entries = LIMITS.map((limit) => [limit, this.#counts.get(limit)?.total ?? 0]);
    return Object.fromEntries(entries) as Record<LimitName, number>;
  }

  get active(): readonly LimitName[] {
    const since = this.#now() - ACTIVE_MS;
    return LIMITS.filter((limit) => (this.#counts.get(limit)?.lastAt ?? Number.NEGATIVE_INFINITY) > since);
  }

  #logCounts(): void {
    this.#isScheduled = false;
    const limits: Partial<Record<LimitName, number>> = {};
    for (const [limit, count] of this.#counts) {
      if (count.unlogged > 0) limits[limit] = count.unlogged;
      count.unlogged = 0;
    }
    this.#log.warn({ limits }, 'Limits have rejected or delayed requests.');
  }
}

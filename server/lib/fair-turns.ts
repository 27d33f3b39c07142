import { FairQueue } from './fair-queue.ts';

/** In ms: how long the turns of one iteration of the event loop may take together. One turn may take longer. */
const MAX_TICK_MS = 8;
/** A turn that takes longer is followed by iterations without one, in which the event loop handles everything else. */
const MAX_PAUSE_TICKS = 8;
/** In ms. A user with less recent work does not wait for users with more. */
const LOW_COST_MS = 20;
/** In ms. A usual turn takes less. */
const QUANTUM_MS = 1;
/** In ms: for how long past work affects the order. */
const DECAY_MS = 10_000;

/** Runs synchronous work at the turn of the user whom it is for, and measures it. */
export type RunTurn = <T>(work: () => T) => T | Promise<T>;

interface Turn {
  readonly queuedAt: number;
  readonly run: () => void;
}

export interface FairTurnsOptions {
  /** Returns the current time, in ms. It never goes back. Default: `performance.now`. */
  readonly now?: () => number;
  /** Calls back after the event loop has handled other events. Default: `setImmediate`. */
  readonly defer?: (callback: () => void) => void;
  /** Called with the time that each turn has waited, in seconds, when it starts. */
  readonly onWaited?: ((seconds: number) => void) | undefined;
}

/**
 * Runs synchronous work on behalf of users in fair order, and measures it. Work runs at once unless the event loop's current iteration
 * has had its share of work. Further work waits, and a user's recent work determines the order. After a long turn the event loop handles
 * other events, such as health checks and the feed, before the next one.
 */
export class FairTurns {
  readonly #queue: FairQueue<Turn>;
  readonly #now: () => number;
  readonly #defer: (callback: () => void) => void;
  readonly #onWaited: (seconds: number) => void;
  /** The time spent on turns in this iteration of the event loop, in ms. */
  #spentMs = 0;
  /** The remaining iterations in which only users with little recent work have turns. */
  #pauseTicks = 0;
  #isTickScheduled = false;

  /** @param options the clock, the event loop and the observer */
  constructor(options: FairTurnsOptions = {}) {
    const { now = () => performance.now(), defer = setImmediate, onWaited = () => undefined } = options;
    this.#queue = new FairQueue({ quantumMs: QUANTUM_MS, decayMs: DECAY_MS, now });
    this.#now = now;
    this.#defer = defer;
    this.#onWaited = onWaited;
  }

  /** The number of waiting turns. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs work at the user's turn.
   *
   * @param user whom the work is for
   * @param work the work, without side effects that other work may wait for
   * @returns what `work` returns, or a promise of it when the work has to wait. Throws or rejects with what `work` throws
   */
  run<T>(user: string, work: () => T): T | Promise<T> {
    if (this.#mayRunNow(user)) return this.measure(user, work);
    return new Promise((resolve) => {
      const run = (): void => resolve(new Promise((settle) => settle(this.measure(user, work))));
      this.#queue.push(user, { queuedAt: this.#now(), run });
      this.#scheduleTick();
    });
  }

  /** Returns `run` for one user. */
  runnerFor(user: string): RunTurn {
    return (work) => this.run(user, work);
  }

  /**
   * Runs work at once, and charges its duration to the user.
   *
   * @param user whom the work is for
   * @param work the work
   * @returns what `work` returns
   */
  measure<T>(user: string, work: () => T): T {
    const startedAt = this.#now();
    try {
      return work();
    } finally {
      this.charge(user, this.#now() - startedAt);
    }
  }

  /**
   * Charges work that has been done for a user.
   *
   * @param user whom the work was for
   * @param ms its duration
   */
  charge(user: string, ms: number): void {
    this.#queue.charge(user, ms);
    this.#spentMs += ms;
    if (ms > MAX_TICK_MS) this.#pauseTicks = Math.min(Math.ceil(ms / MAX_TICK_MS), MAX_PAUSE_TICKS);
    this.#scheduleTick();
  }

  #mayRunNow(user: string): boolean {
    if (this.#spentMs >= MAX_TICK_MS || this.#queue.sizeOf(user) > 0) return false;
    return (this.#queue.size === 0 && this.#pauseTicks === 0) || this.#hasLowCost(user);
  }

  #hasLowCost(user: string): boolean {
    return this.#queue.recentCost(user) < LOW_COST_MS;
  }

  #scheduleTick(): void {
    if (this.#isTickScheduled) return;
    this.#isTickScheduled = true;
    this.#defer(() => this.#tick());
  }

  #tick(): void {
    this.#isTickScheduled = false;
    this.#spentMs = 0;
    const isPaused = this.#pauseTicks > 0;
    if (isPaused) this.#pauseTicks -= 1;
    const next = isPaused ? () => this.#queue.shiftWhere((user) => this.#hasLowCost(user)) : () => this.#queue.shift();
    while (this.#spentMs < MAX_TICK_MS) {
      const turn = next();
      if (turn === undefined) break;
      this.#onWaited((this.#now() - turn.queuedAt) / 1000);
      turn.run();
    }
    if (this.#queue.size > 0 || this.#pauseTicks > 0) this.#scheduleTick();
  }
}

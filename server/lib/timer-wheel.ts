/** A task with at most one due time. It stores its own bucket, so that waiting costs no further object or closure. */
export interface TimerTask {
  /** Written by `TimerWheel` only. Initially undefined. */
  bucket: number | undefined;
  /**
   * Runs when the task is due, or when the clock was set back, so that it checks the time itself. It may schedule the task again.
   * It must not throw: other tasks run in the same loop.
   */
  onExpire(): void;
}

/** In ms. A task waits for the end of its bucket, then for the next tick: less than two of these. */
const TICK_MS = 50;

/**
 * One timer for all heartbeats, timeouts and token expiries, so that 10,000 parked requests do not cost 10,000 timers.
 * Tasks are kept in buckets by due time, which one interval empties. No task runs before its time, nor more than 100 ms
 * after it. When the clock was set back, all tasks run at the next tick, and schedule themselves by the new time: otherwise
 * none would run until the clock has reached the old time again.
 */
export class TimerWheel {
  readonly #buckets = new Map<number, Set<TimerTask>>();
  readonly #now: () => number;
  #interval: NodeJS.Timeout | undefined;
  #lastTick: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#lastTick = Math.floor(now() / TICK_MS);
  }

  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }

  /** Schedules `task` for `time` (ms since 1970), or for the next tick if that is past. Replaces its previous time. */
  schedule(time: number, task: TimerTask): void {
    this.cancel(task);
    this.#start();
    const key = Math.max(Math.ceil(time / TICK_MS), this.#lastTick + 1);
    const bucket = this.#buckets.get(key) ?? new Set();
    this.#buckets.set(key, bucket);
    bucket.add(task);
    task.bucket = key;
  }

  /** Has no effect on a task that is not scheduled. */
  cancel(task: TimerTask): void {
    if (task.bucket === undefined) return;
    const bucket = this.#buckets.get(task.bucket);
    if (bucket?.delete(task) === true && bucket.size === 0) this.#buckets.delete(task.bucket);
    task.bucket = undefined;
  }

  /** Cancels all tasks. */
  close(): void {
    this.#buckets.clear();
    this.#stop();
  }

  #start(): void {
    if (this.#interval !== undefined) return;
    this.#lastTick = Math.floor(this.#now() / TICK_MS);
    this.#interval = setInterval(() => this.#tick(), TICK_MS);
    this.#interval.unref();
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  #tick(): void {
    const currentTick = Math.floor(this.#now() / TICK_MS);
    const wasSetBack = currentTick < this.#lastTick;
    // After the machine slept, many ticks are due at once. Iterating over the buckets is cheaper than over the ticks.
    const expiredKeys = [...this.#buckets.keys()]
      .filter((key) => wasSetBack || key <= currentTick)
      .sort((a, b) => a - b);
    this.#lastTick = currentTick;
    for (const key of expiredKeys) {
      const bucket = this.#buckets.get(key) ?? [];
      this.#buckets.delete(key);
      for (const task of bucket) {
        // An earlier task of this bucket may have cancelled or rescheduled it.
        if (task.bucket !== key) continue;
        task.bucket = undefined;
        task.onExpire();
      }
    }
    if (this.#buckets.size === 0) this.#stop();
  }
}

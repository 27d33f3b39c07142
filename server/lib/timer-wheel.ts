/** What is due at one time at most; it keeps its own place, so that waiting costs no object or closure beside it. */
export interface TimerTask {
  /** Where the timer keeps it; the timer's own business. Begins as undefined. */
  bucket: number | undefined;
  /** Its time has come. It may set its next one here. */
  onExpire(): void;
}

/** In ms: what is timed waits for the end of its slot, and then for the next tick, so for less than two of these. */
const TICK_MS = 50;

/**
 * One timer for all heartbeats, time-outs and ends of tokens, so that ten thousand parked requests do not cost ten
 * thousand timers: slots in the order of time, emptied by one interval. Nothing is due before its time, nor more than
 * 100 ms after it.
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

  /** Makes `timed` due at `time` (ms since 1970), or at the next tick when that is past, in place of its time before. */
  schedule(time: number, task: TimerTask): void {
    this.cancel(task);
    this.#start();
    const key = Math.max(Math.ceil(time / TICK_MS), this.#lastTick + 1);
    const bucket = this.#buckets.get(key) ?? new Set();
    this.#buckets.set(key, bucket);
    bucket.add(task);
    task.bucket = key;
  }

  /** Has no effect on what is not timed. */
  cancel(task: TimerTask): void {
    if (task.bucket === undefined) return;
    const bucket = this.#buckets.get(task.bucket);
    if (bucket?.delete(task) === true && bucket.size === 0) this.#buckets.delete(task.bucket);
    task.bucket = undefined;
  }

  /** Forgets everything. */
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
    // After a sleep of the machine many ticks are due at once: then it is cheaper to look through the slots.
    const expiredKeys = [...this.#buckets.keys()].filter((key) => key <= currentTick).sort((a, b) => a - b);
    this.#lastTick = Math.max(currentTick, this.#lastTick);
    for (const key of expiredKeys) {
      const bucket = this.#buckets.get(key) ?? [];
      this.#buckets.delete(key);
      for (const task of bucket) {
        // One of the same slot may have cancelled or moved it meanwhile.
        if (task.bucket !== key) continue;
        task.bucket = undefined;
        task.onExpire();
      }
    }
    if (this.#buckets.size === 0) this.#stop();
  }
}

/** One task that is due at a time; cancelling it costs a set's deletion. */
export interface Timed {
  cancel(): void;
}

/** In ms: a task waits for the end of its bucket, and then for the next tick, so for less than two of these. */
const TICK = 50;

/**
 * One timer for all heartbeats, time-outs and ends of tokens, so that ten thousand parked requests do not cost ten
 * thousand timers. Tasks are kept in buckets; none runs before its time, nor more than 100 ms after it.
 */
export class SharedTimer {
  readonly #buckets = new Map<number, Set<() => void>>();
  readonly #now: () => number;
  #interval: NodeJS.Timeout | undefined;
  #ticked: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#ticked = Math.floor(now() / TICK);
  }

  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }

  /** Runs `task` at `time`, in ms since 1970, or at the next tick when that is past. */
  at(time: number, task: () => void): Timed {
    this.#start();
    const key = Math.max(Math.ceil(time / TICK), this.#ticked + 1);
    const bucket = this.#buckets.get(key) ?? new Set();
    this.#buckets.set(key, bucket);
    bucket.add(task);
    return {
      cancel: () => {
        if (bucket.delete(task) && bucket.size === 0) this.#buckets.delete(key);
      },
    };
  }

  /** Forgets all tasks. */
  close(): void {
    this.#buckets.clear();
    this.#stop();
  }

  #start(): void {
    if (this.#interval !== undefined) return;
    this.#ticked = Math.floor(this.#now() / TICK);
    this.#interval = setInterval(() => this.#tick(), TICK);
    this.#interval.unref();
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  #tick(): void {
    const until = Math.floor(this.#now() / TICK);
    // After a sleep of the machine many ticks are due at once: then it is cheaper to look through the buckets.
    const due = [...this.#buckets.keys()].filter((key) => key <= until).sort((a, b) => a - b);
    this.#ticked = Math.max(until, this.#ticked);
    for (const key of due) {
      const bucket = this.#buckets.get(key);
      this.#buckets.delete(key);
      for (const task of bucket ?? []) task();
    }
    if (this.#buckets.size === 0) this.#stop();
  }
}

/** What is due at one time at most; it keeps its own place, so that waiting costs no object or closure beside it. */
export interface Timed {
  /** Where the timer keeps it; the timer's own business. Begins as undefined. */
  slot: number | undefined;
  /** Its time has come. It may set its next one here. */
  due(): void;
}

/** In ms: what is timed waits for the end of its slot, and then for the next tick, so for less than two of these. */
const TICK = 50;

/**
 * One timer for all heartbeats, time-outs and ends of tokens, so that ten thousand parked requests do not cost ten
 * thousand timers: slots in the order of time, emptied by one interval. Nothing is due before its time, nor more than
 * 100 ms after it.
 */
export class SharedTimer {
  readonly #slots = new Map<number, Set<Timed>>();
  readonly #now: () => number;
  #interval: NodeJS.Timeout | undefined;
  #ticked: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#ticked = Math.floor(now() / TICK);
  }

  get size(): number {
    let size = 0;
    for (const slot of this.#slots.values()) size += slot.size;
    return size;
  }

  /** Makes `timed` due at `time` (ms since 1970), or at the next tick when that is past, in place of its time before. */
  at(time: number, timed: Timed): void {
    this.cancel(timed);
    this.#start();
    const key = Math.max(Math.ceil(time / TICK), this.#ticked + 1);
    const slot = this.#slots.get(key) ?? new Set();
    this.#slots.set(key, slot);
    slot.add(timed);
    timed.slot = key;
  }

  /** Has no effect on what is not timed. */
  cancel(timed: Timed): void {
    if (timed.slot === undefined) return;
    const slot = this.#slots.get(timed.slot);
    if (slot?.delete(timed) === true && slot.size === 0) this.#slots.delete(timed.slot);
    timed.slot = undefined;
  }

  /** Forgets everything. */
  close(): void {
    this.#slots.clear();
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
    // After a sleep of the machine many ticks are due at once: then it is cheaper to look through the slots.
    const due = [...this.#slots.keys()].filter((key) => key <= until).sort((a, b) => a - b);
    this.#ticked = Math.max(until, this.#ticked);
    for (const key of due) {
      const slot = this.#slots.get(key) ?? [];
      this.#slots.delete(key);
      for (const timed of slot) {
        // One of the same slot may have cancelled or moved it meanwhile.
        if (timed.slot !== key) continue;
        timed.slot = undefined;
        timed.due();
      }
    }
    if (this.#slots.size === 0) this.#stop();
  }
}

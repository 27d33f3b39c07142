/**
 * A computer that sleeps stops every timer, and waking up it need not say so: no `online` comes when its network was never
 * seen to go. What shows it is a clock that has moved on much further than a timer was set to.
 */
const EVERY_MS = 5_000;

/** A hidden page's timers come once a minute (Chromium's intensive throttling): that alone is no sleep. */
const ASLEEP_MS = 75_000;

/** Calls `woke` after a sleep. Returns what ends that. */
export function watchSleep(now: () => number, woke: () => void, every = EVERY_MS): () => void {
  let last = now();
  const timer = setInterval(() => {
    const before = last;
    last = now();
    if (last - before > ASLEEP_MS) woke();
  }, every);
  return () => clearInterval(timer);
}

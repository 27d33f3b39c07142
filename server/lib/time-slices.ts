import { setImmediate } from 'node:timers/promises';

/** In ms. Other requests and health checks wait at most this long, and one step, for the work of a request. */
const MAX_SLICE_MS = 8;

/**
 * Runs a generator to its end in slices of 8 ms, between which the event loop handles other events. A step is what runs until the
 * generator's next `yield`, and should be short.
 *
 * @param pause Called after each slice; the next one starts when it resolves. Default: one iteration of the event loop.
 * @returns What the generator returns. Rejects with what it throws.
 */
export async function runInSlices<T>(
  steps: Generator<void, T, void>,
  pause: () => Promise<unknown> = () => setImmediate(),
): Promise<T> {
  for (;;) {
    const end = performance.now() + MAX_SLICE_MS;
    do {
      const { done, value } = steps.next();
      if (done === true) return value;
    } while (performance.now() < end);
    await pause();
  }
}

/** Runs a generator to its end at once. */
export function runAtOnce<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

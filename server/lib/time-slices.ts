/** In ms. Other requests and health checks wait at most this long, and one step, for the work of a request. */
const MAX_SLICE_MS = 8;

/**
 * Runs a generator to its end in slices of 8 ms. A step is what runs until the generator's next `yield`, and should be short.
 *
 * @param runSlice Runs one slice, at once or later, so that other events are handled between two slices.
 * @returns What the generator returns. Rejects with what it throws.
 */
export async function runInSlices<T>(
  steps: Generator<void, T, void>,
  runSlice: (slice: () => IteratorResult<void, T>) => IteratorResult<void, T> | Promise<IteratorResult<void, T>>,
): Promise<T> {
  for (;;) {
    const { done, value } = await runSlice(() => advance(steps));
    if (done === true) return value;
  }
}

function advance<T>(steps: Generator<void, T, void>): IteratorResult<void, T> {
  const end = performance.now() + MAX_SLICE_MS;
  let result = steps.next();
  while (result.done !== true && performance.now() < end) result = steps.next();
  return result;
}

/** Runs a generator to its end at once. */
export function runAtOnce<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

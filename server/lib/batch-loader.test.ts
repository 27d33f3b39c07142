import fc from 'fast-check';
import { createBatchLoader } from './batch-loader.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** In ms: what a read takes upstream, alone. */
const SOLO_COST_MS = 4;
/** In ms: the fake clock's immediates take 1, and a timer fires some time in the millisecond after its own. */
const CLOCK_TOLERANCE_MS = 2;

interface SentBatch {
  /** In ms since the start. */
  readonly at: number;
  readonly batch: readonly number[];
}

/** Asks at the given times (ms) and has each batch answered after `latency`; what was sent, and when each was answered. */
async function simulate(
  times: readonly number[],
  { largest: maxBatchSize = 250, mostInFlight: maxInFlight = 4, latency = 5 } = {},
): Promise<{ sent: readonly SentBatch[]; results: readonly number[]; most: number }> {
  const startedAt = Date.now();
  const sent: SentBatch[] = [];
  const results: number[] = times.map(() => Number.NaN);
  let [inFlight, most] = [0, 0];
  const load = createBatchLoader<number, number>({
    maxBatchSize,
    maxInFlight,
    now: Date.now,
    read: (batch) => {
      sent.push({ at: Date.now() - startedAt, batch });
      inFlight += 1;
      most = Math.max(most, inFlight);
      return new Promise((resolve) =>
        setTimeout(() => {
          inFlight -= 1;
          resolve(batch);
        }, latency),
      );
    },
  });
  times.forEach((time, index) => setTimeout(() => void load(index).then((answer) => (results[index] = answer)), time));
  await jest.advanceTimersByTimeAsync((times.at(-1) ?? 0) + times.length * latency + 1_000);
  return { sent, results, most };
}

const times = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 60 })), { maxLength: 120 })
  .map((gaps) => gaps.map((_, index) => gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0)));

it('each is answered with its own answer, once, in batches that are neither too large nor too many at a time', async () => {
  await fc.assert(
    fc.asyncProperty(
      times,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      async (asked, largest, mostInFlight) => {
        const { sent, results, most } = await simulate(asked, { largest, mostInFlight });
        expect(results).toEqual(asked.map((_, index) => index));
        expect(sent.flatMap(({ batch }) => batch)).toEqual(asked.map((_, index) => index));
        expect(sent.every(({ batch }) => batch.length <= largest)).toBe(true);
        expect(most).toBeLessThanOrEqual(mostInFlight);
      },
    ),
    { numRuns: 40 },
  );
});

it('nobody waits longer for a batch than for a turn of their own, were each sent alone', async () => {
  await fc.assert(
    fc.asyncProperty(times, async (asked) => {
      // A place in flight is always free here: that wait is not the batch's.
      const { sent } = await simulate(asked, { mostInFlight: 1_000 });
      let turn = Number.NEGATIVE_INFINITY;
      const turns = asked.map((time) => (turn = Math.max(turn + SOLO_COST_MS, time)));
      for (const { at, batch } of sent)
        for (const index of batch) expect(at).toBeLessThanOrEqual((turns[index] ?? 0) + CLOCK_TOLERANCE_MS);
    }),
    { numRuns: 60 },
  );
});

it('a read now and then leaves at once and alone', async () => {
  const asked = [0, 50, 100, 104, 400];
  const { sent } = await simulate(asked);
  expect(sent.map(({ batch }) => batch)).toEqual([[0], [1], [2], [3], [4]]);
  for (const [index, { at }] of sent.entries())
    expect(at).toBeLessThanOrEqual((asked[index] ?? 0) + CLOCK_TOLERANCE_MS);
});

it('five thousand that come back within seconds are read in fewer than one request for fifty of them', async () => {
  const storm = Array.from({ length: 5_000 }, (_, index) => Math.floor(index * 1.5));
  const { sent, results } = await simulate(storm);
  expect(results.filter(Number.isNaN)).toEqual([]);
  expect(sent.length).toBeLessThanOrEqual(50);
  // Nobody more than the longest wait.
  for (const { at, batch } of sent)
    expect(at - (storm[batch[0] ?? 0] ?? 0)).toBeLessThanOrEqual(500 + CLOCK_TOLERANCE_MS);
});

it('when a batch fails its own fail, and those after it do not', async () => {
  let failing = true;
  const ask = createBatchLoader<number, number>({
    maxBatchSize: 2,
    maxInFlight: 1,
    now: Date.now,
    read: (batch) => {
      if (!failing) return Promise.resolve(batch);
      failing = false;
      return Promise.reject(new Error('no'));
    },
  });
  const asked = Promise.allSettled([ask(1), ask(2), ask(3)]);
  await jest.advanceTimersByTimeAsync(1_000);
  expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

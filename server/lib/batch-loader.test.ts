import fc from 'fast-check';
import { createBatchLoader } from './batch-loader.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** In ms: the duration of a single upstream read. */
const SOLO_COST_MS = 4;
/** In ms: an immediate of the fake clock takes 1, and a timer fires up to 1 late. */
const CLOCK_TOLERANCE_MS = 2;

interface SentBatch {
  /** In ms since the start of the simulation. */
  readonly at: number;
  readonly batch: readonly number[];
}

/** Loads keys at the given times (ms), with a latency for each batch. Returns the batches and the results. */
async function simulate(
  times: readonly number[],
  { maxBatchSize = 250, maxInFlight = 4, latency = 5 } = {},
): Promise<{ sent: readonly SentBatch[]; results: readonly number[]; peakInFlight: number }> {
  const startedAt = Date.now();
  const sent: SentBatch[] = [];
  const results: number[] = times.map(() => Number.NaN);
  let [inFlight, peakInFlight] = [0, 0];
  const load = createBatchLoader<number, number>({
    maxBatchSize: () => maxBatchSize,
    maxInFlight,
    now: Date.now,
    read: (batch) => {
      sent.push({ at: Date.now() - startedAt, batch });
      inFlight += 1;
      peakInFlight = Math.max(peakInFlight, inFlight);
      return new Promise((resolve) =>
        setTimeout(() => {
          inFlight -= 1;
          resolve(batch);
        }, latency),
      );
    },
  });
  times.forEach((time, index) => setTimeout(() => void load(index).then((value) => (results[index] = value)), time));
  await jest.advanceTimersByTimeAsync((times.at(-1) ?? 0) + times.length * latency + 1_000);
  return { sent, results, peakInFlight };
}

const times = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 60 })), { maxLength: 120 })
  .map((gaps) => gaps.map((_, index) => gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0)));

it('resolves each read with its own value, in batches within the size and concurrency limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      times,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      async (requestTimes, maxBatchSize, maxInFlight) => {
        const { sent, results, peakInFlight } = await simulate(requestTimes, { maxBatchSize, maxInFlight });
        expect(results).toEqual(requestTimes.map((_, index) => index));
        expect(sent.flatMap(({ batch }) => batch)).toEqual(requestTimes.map((_, index) => index));
        expect(sent.every(({ batch }) => batch.length <= maxBatchSize)).toBe(true);
        expect(peakInFlight).toBeLessThanOrEqual(maxInFlight);
      },
    ),
    { numRuns: 40 },
  );
});

it('a read never waits longer for its batch than it would if reads were sent one by one', async () => {
  await fc.assert(
    fc.asyncProperty(times, async (requestTimes) => {
      // The concurrency limit is never reached here: waiting for it is not part of this property.
      const { sent } = await simulate(requestTimes, { maxInFlight: 1_000 });
      let turn = Number.NEGATIVE_INFINITY;
      const turns = requestTimes.map((time) => (turn = Math.max(turn + SOLO_COST_MS, time)));
      for (const { at, batch } of sent)
        for (const index of batch) expect(at).toBeLessThanOrEqual((turns[index] ?? 0) + CLOCK_TOLERANCE_MS);
    }),
    { numRuns: 60 },
  );
});

it('an occasional read is sent immediately and alone', async () => {
  const requestTimes = [0, 50, 100, 104, 400];
  const { sent } = await simulate(requestTimes);
  expect(sent.map(({ batch }) => batch)).toEqual([[0], [1], [2], [3], [4]]);
  for (const [index, { at }] of sent.entries())
    expect(at).toBeLessThanOrEqual((requestTimes[index] ?? 0) + CLOCK_TOLERANCE_MS);
});

it('5,000 reads within seconds take at most 50 requests', async () => {
  const storm = Array.from({ length: 5_000 }, (_, index) => Math.floor(index * 1.5));
  const { sent, results } = await simulate(storm);
  expect(results.filter(Number.isNaN)).toEqual([]);
  expect(sent.length).toBeLessThanOrEqual(50);
  // No read waits longer than the maximum.
  for (const { at, batch } of sent)
    expect(at - (storm[batch[0] ?? 0] ?? 0)).toBeLessThanOrEqual(500 + CLOCK_TOLERANCE_MS);
});

it('a failed batch rejects its own reads, and no later ones', async () => {
  let failing = true;
  const load = createBatchLoader<number, number>({
    maxBatchSize: () => 2,
    maxInFlight: 1,
    now: Date.now,
    read: (batch) => {
      if (!failing) return Promise.resolve(batch);
      failing = false;
      return Promise.reject(new Error('no'));
    },
  });
  const results = Promise.allSettled([load(1), load(2), load(3)]);
  await jest.advanceTimersByTimeAsync(1_000);
  expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

it('a batch has at most the size that is the limit when it is sent', async () => {
  const sizes: number[] = [];
  let maxBatchSize = 100;
  const load = createBatchLoader<number, number>({
    maxBatchSize: () => maxBatchSize,
    maxInFlight: 1,
    now: Date.now,
    read: async (batch) => {
      sizes.push(batch.length);
      await Promise.resolve();
      return batch;
    },
  });
  const results = Promise.all(Array.from({ length: 130 }, (_, key) => load(key)));
  maxBatchSize = 10;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await results).toHaveLength(130);
  expect(sizes).toEqual(Array.from({ length: 13 }, () => 10));
});

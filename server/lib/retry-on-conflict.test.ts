import fc from 'fast-check';
import { RETRY_AT_ONCE, retryOnConflict, retryWhileUndefined } from './retry-on-conflict.ts';

const EXHAUSTED = new RangeError('exhausted');

type Outcome =
  { readonly kind: 'resolves'; readonly value: unknown } | { readonly kind: 'rejects'; readonly error: Error };

const result = fc.constantFrom<unknown>(null, false, 0, '', 'stored');
/** Without `shouldRetry`, p-retry retries the first and the last. */
const error = fc.constantFrom(new Error('no'), new TypeError('no'), new TypeError('fetch failed'));
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('resolves' as const), value: result }),
  fc.record({ kind: fc.constant('rejects' as const), error }),
);

/** Has a number of conflicts, then an outcome. */
function createAttempt(conflicts: number, last: Outcome): jest.Mock<Promise<unknown>, []> {
  let remaining = conflicts;
  return jest.fn(() => {
    remaining -= 1;
    if (remaining >= 0) return Promise.resolve(undefined);
    return last.kind === 'resolves' ? Promise.resolve(last.value) : Promise.reject(last.error);
  });
}

it('retries conflicts only, up to the maximum, and passes the first other result or error on unchanged', async () => {
  const attempts = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(attempts, fc.nat(25), outcome, async (maxAttempts, conflicts, last) => {
      const isExhausted = conflicts >= maxAttempts;
      const expected =
        last.kind === 'resolves'
          ? { status: 'fulfilled', value: last.value }
          : { status: 'rejected', reason: last.error };

      const onExhausted = jest.fn(() => EXHAUSTED);
      const attempt = createAttempt(conflicts, last);
      const [settled] = await Promise.allSettled([
        retryOnConflict(attempt, { maxAttempts, minDelayMs: 0, onExhausted }),
      ]);
      expect(settled).toEqual(isExhausted ? { status: 'rejected', reason: EXHAUSTED } : expected);
      // The same object, not a decorated copy.
      if (settled.status === 'rejected' && last.kind === 'rejects' && !isExhausted) {
        expect(settled.reason).toBe(last.error);
      }
      expect(attempt).toHaveBeenCalledTimes(Math.min(conflicts + 1, maxAttempts));
      expect(onExhausted).toHaveBeenCalledTimes(isExhausted ? 1 : 0);

      const other = createAttempt(conflicts, last);
      const [withoutError] = await Promise.allSettled([retryWhileUndefined(other, { maxAttempts, minDelayMs: 0 })]);
      expect(withoutError).toEqual(isExhausted ? { status: 'fulfilled', value: undefined } : expected);
      expect(other).toHaveBeenCalledTimes(Math.min(conflicts + 1, maxAttempts));
    }),
  );
});

describe('delays', () => {
  beforeEach(() => jest.useFakeTimers({ now: 0 }));
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  /** Returns when each attempt started, in ms. */
  async function startTimes(maxAttempts: number): Promise<number[]> {
    jest.setSystemTime(0);
    const times: number[] = [];
    const done = retryWhileUndefined(
      () => {
        times.push(Date.now());
        return Promise.resolve(undefined);
      },
      { maxAttempts },
    );
    await jest.runAllTimersAsync();
    await done;
    return times;
  }

  it.each([
    [4, 30, 60, 90],
    [8, 140, 280, 420],
    [20, 950, 1_900, 2_850],
  ])(
    '%i attempts wait %i ms in all at least, %i on average and %i at most, none of it after the last',
    async (maxAttempts, ...totals) => {
      for (const [index, random] of [0, 0.5, 1].entries()) {
        jest.spyOn(Math, 'random').mockReturnValue(random);
        const times = await startTimes(maxAttempts);
        expect(times).toHaveLength(maxAttempts);
        expect(times.slice(0, 2)).toEqual([0, 5 + 10 * random]);
        expect(times.at(-1)).toBe(totals[index]);
        expect(Date.now()).toBe(times.at(-1));
      }
    },
  );

  it('an attempt that asks for it is followed at once, and counts', async () => {
    const attempt = jest.fn(() => Promise.resolve(RETRY_AT_ONCE));
    expect(await retryWhileUndefined<string>(attempt, { maxAttempts: 3 })).toBeUndefined();
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('two writers that collided wait differently', async () => {
    const runs = [await startTimes(8), await startTimes(8), await startTimes(8)];
    expect(new Set(runs.map(String)).size).toBeGreaterThan(1);
  });
});

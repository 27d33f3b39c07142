import fc from 'fast-check';
import { retryOnConflict, retryWhileUndefined } from './retry-on-conflict.ts';

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
  afterEach(() => jest.useRealTimers());

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
    [4, 42, 86],
    [8, 141, 283],
    [20, 1_323, 2_648],
  ])('%i attempts wait from %i to %i ms in all, none of it after the last', async (maxAttempts, min, max) => {
    const [first, ...others] = await startTimes(maxAttempts);
    expect(first).toBe(0);
    expect(others).toHaveLength(maxAttempts - 1);
    expect(others.at(-1)).toBeGreaterThanOrEqual(min - maxAttempts);
    expect(others.at(-1)).toBeLessThanOrEqual(max + maxAttempts);
    expect(others[0]).toBeGreaterThanOrEqual(12);
    expect(others[0]).toBeLessThanOrEqual(24);
    expect(Date.now()).toBe(others.at(-1));
  });

  it('two writers that collided wait differently', async () => {
    const runs = [await startTimes(8), await startTimes(8), await startTimes(8)];
    expect(new Set(runs.map(String)).size).toBeGreaterThan(1);
  });
});

import { guardLocks } from './guarded-locks.ts';
import { createInProcessLocks, type Locks } from './web-locks.ts';

const timing = { responseMs: 5_000, retryMs: 10_000 };
const neverSettles = new Promise<never>(() => undefined);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

type Mode = 'works' | 'rejects' | 'throws' | 'hangs';

/** A lock manager that works, rejects immediately, is missing, or hangs. */
function createFaultyLocks() {
  const working = createInProcessLocks();
  let mode: Mode = 'works';
  let calls = 0;
  const locks: Locks = {
    request: <T>(name: string, optionsOrTask: LockOptions | (() => Promise<T>), task?: () => Promise<T>) => {
      calls += 1;
      if (mode === 'throws') throw new TypeError('undefined is not a function');
      if (mode === 'rejects') return Promise.reject(new DOMException('No.', 'SecurityError'));
      if (mode === 'hangs') return neverSettles;
      return typeof optionsOrTask === 'function'
        ? working.request(name, optionsOrTask)
        : working.request(name, optionsOrTask, task as () => Promise<T>);
    },
  };
  return {
    locks,
    set: (next: Mode): void => {
      mode = next;
    },
    calls: () => calls,
  };
}

function createGuard() {
  const faulty = createFaultyLocks();
  const stop = new AbortController();
  const reports: boolean[] = [];
  const guarded = guardLocks({
    locks: faulty.locks,
    name: 'pouchgate_alice',
    timing,
    report: (works) => {
      if (reports.at(-1) !== works) reports.push(works);
    },
    signal: stop.signal,
  });
  return { ...faulty, guarded, stop, reports };
}

test.each(['rejects', 'throws', 'hangs'] as const)(
  'a lock manager that %s is replaced, reported, probed seldom, and used again once it works',
  async (mode) => {
    const { guarded, set, calls, stop, reports } = createGuard();
    set(mode);
    const results = ['pouchgate_alice:write', 'pouchgate_alice:leader'].map((name, index) =>
      index === 0
        ? guarded.request(name, () => Promise.resolve(index))
        : guarded.request(name, { signal: new AbortController().signal }, () => Promise.resolve(index)),
    );
    await jest.advanceTimersByTimeAsync(15_000);
    expect(await Promise.all(results)).toEqual([0, 1]);
    expect(reports).toEqual([false]);
    const before = calls();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls() - before).toBeLessThanOrEqual(6);
    set('works');
    await jest.advanceTimersByTimeAsync(15_000);
    expect(reports).toEqual([false, true]);
    const used = calls();
    await guarded.request('pouchgate_alice:write', () => Promise.resolve());
    expect(calls()).toBe(used + 1);
    stop.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(jest.getTimerCount()).toBe(0);
  },
);

test('a request for a lock that another tab holds waits, is reported, and is granted eventually', async () => {
  const { guarded, locks, reports } = createGuard();
  let release: () => void = () => undefined;
  const held = locks.request(
    'pouchgate_alice:write',
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  let isDone = false;
  const waiting = guarded
    .request('pouchgate_alice:write', () => Promise.resolve())
    .then(() => {
      isDone = true;
    });
  await jest.advanceTimersByTimeAsync(3_600_000);
  expect(isDone).toBe(false);
  expect(reports.at(-1)).toBe(false);
  release();
  await Promise.all([held, waiting]);
  expect(reports.at(-1)).toBe(true);
});

test('a request is withdrawn at once, even from a lock manager that hangs', async () => {
  const { guarded, set } = createGuard();
  set('hangs');
  const withdrawal = new AbortController();
  const request = guarded.request('pouchgate_alice:leader', { signal: withdrawal.signal }, () => Promise.resolve());
  withdrawal.abort();
  await expect(request).rejects.toThrow('aborted');
});

test('an error of the task is passed on, and does not count as a failure of the lock manager', async () => {
  const { guarded, reports } = createGuard();
  const request = guarded.request('pouchgate_alice:write', () => Promise.reject(new RangeError('No.')));
  await expect(request).rejects.toThrow('No.');
  expect(reports).not.toContain(false);
});

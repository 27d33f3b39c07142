import type { Locks } from '../platform/web-locks.ts';
import { electLeader } from './leader-election.ts';

const environment = { listen: () => () => undefined, isVisible: () => false };
const options = { name: 'pouchgate_alice', intervalMs: 1_000, requestHeartbeat: () => undefined, isAlone: () => false };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Lets the promises that have settled continue. */
const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0).then(() => undefined);

test('requests a lock that rejects at once at most 10 times a second', async () => {
  const stop = new AbortController();
  let requests = 0;
  const locks: Locks = {
    request: () => {
      requests += 1;
      // Ends a loop without a delay.
      if (requests > 1_000) stop.abort();
      return Promise.reject(new DOMException('The document is not fully active.', 'InvalidStateError'));
    },
  };
  const { whenStopped } = electLeader(
    { ...options, environment: { ...environment, locks }, onLeader: () => Promise.resolve() },
    stop.signal,
  );
  await jest.advanceTimersByTimeAsync(10_000);
  expect(requests).toBeGreaterThan(1);
  expect(requests).toBeLessThanOrEqual(100);
  stop.abort();
  await whenStopped();
  expect(jest.getTimerCount()).toBe(0);
});

test('leads at once when the lock is granted, and requests it again at once when it was stolen', async () => {
  const stop = new AbortController();
  const steal: (() => void)[] = [];
  const locks: Locks = {
    request: <T>(_name: string, _options: unknown, task?: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        steal.push(() => reject(new Error('stolen')));
        task?.().then(resolve, reject);
      }),
  };
  let terms = 0;
  const onLeader = (signal: AbortSignal): Promise<void> => {
    terms += 1;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  };
  const { whenStopped } = electLeader({ ...options, environment: { ...environment, locks }, onLeader }, stop.signal);
  await settle();
  expect(terms).toBe(1);
  steal[0]?.();
  await settle();
  expect(terms).toBe(2);
  stop.abort();
  await whenStopped();
});

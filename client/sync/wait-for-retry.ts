/** The wait between a failed attempt and the next one. */
import { waitForEvent, type Emitter } from '../platform/emitter.ts';
import { delay } from '../platform/pace.ts';
import { backoff, type BackoffOptions } from './backoff.ts';

export interface RetryOptions extends BackoffOptions {
  /** Consecutive failures, 1 or more. */
  readonly failures: number;
  /** The server's Retry-After in milliseconds; 0 for none. */
  readonly retryAfterMs: number;
  /** Emits when there is a reason to retry at once. */
  readonly wakeEmitter: Emitter;
}

/**
 * A wake-up does not shorten a `Retry-After` to less than this, in milliseconds. A longer one may come from another host on a
 * network path that the device has left since.
 */
const MAX_BINDING_MS = 10_000;

/**
 * Waits until the next attempt. A wake-up shortens the wait.
 *
 * @returns Whether there was a wake-up. Resolves immediately when `signal` is aborted.
 */
export async function waitForRetry(options: RetryOptions, signal: AbortSignal): Promise<boolean> {
  const { failures, retryAfterMs, wakeEmitter } = options;
  const delayMs = backoff(failures, options, retryAfterMs);
  const bindingMs = Math.min(retryAfterMs, MAX_BINDING_MS);
  if (bindingMs > 0) {
    let wakeUps = 0;
    const unsubscribe = wakeEmitter.subscribe(() => (wakeUps += 1));
    await delay(bindingMs, signal);
    unsubscribe();
    if (signal.aborted || wakeUps > 0) return true;
  }
  return waitForEvent(wakeEmitter, delayMs - bindingMs);
}

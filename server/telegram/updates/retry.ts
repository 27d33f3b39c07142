import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from '../../http/errors.ts';
import {
  classifyTelegramError,
  computeBackoffMs,
  type ClassifiedError,
  type BackoffOptions,
} from '../bot/classify-error.ts';

export interface RetryOptions {
  /** Stops retrying. */
  readonly signal: AbortSignal;
  readonly backoff: BackoffOptions;
  /** Called with each failure and the delay until the next attempt, in ms. */
  readonly onRetry: (failure: ClassifiedError, delayMs: number) => void;
}

/**
 * Retries `task` until it succeeds, with the delays of `computeBackoffMs`. Resolves with `undefined` if the signal is aborted.
 * Never rejects.
 */
export async function retryUntilAborted<T>(task: () => Promise<T>, options: RetryOptions): Promise<T | undefined> {
  const { signal, backoff, onRetry } = options;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await task();
    } catch (error) {
      // The abort may be the cause of the error.
      if (options.signal.aborted) return undefined;
      const failure = classifyError(error);
      const delayMs = computeBackoffMs(failure, failures, backoff, Math.random);
      onRetry(failure, delayMs);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** An HttpError is a failure of the database, all other errors come from Telegram. */
const classifyError = (error: unknown): ClassifiedError =>
  error instanceof HttpError
    ? { kind: 'unreached', reason: `the database: ${error.message}`, retryAfterMs: undefined }
    : classifyTelegramError(error);

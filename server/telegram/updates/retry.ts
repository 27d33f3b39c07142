import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from '../../http/errors.ts';
import {
  classifyTelegramError,
  computeBackoffMs,
  type ClassifiedError,
  type BackoffOptions,
} from '../bot/classify-error.ts';

export interface RetryOptions {
  /** Ends the trying. */
  readonly signal: AbortSignal;
  readonly backoff: BackoffOptions;
  /** Told of each failure, and in how many ms it is tried again. */
  readonly onRetry: (failure: ClassifiedError, wait: number) => void;
}

/** Tries again and again, later each time, until it succeeds; undefined when the signal ends it. Never rejects. */
export async function retryUntilAborted<T>(task: () => Promise<T>, options: RetryOptions): Promise<T | undefined> {
  const { signal, backoff, onRetry } = options;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await task();
    } catch (error) {
      // The signal's doing, perhaps.
      if (options.signal.aborted) return undefined;
      const failure = classifyError(error);
      const delayMs = computeBackoffMs(failure, failures, backoff, Math.random);
      onRetry(failure, delayMs);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** A failure of the database's is told as such. */
const classifyError = (error: unknown): ClassifiedError =>
  error instanceof HttpError
    ? { kind: 'unreached', reason: `the database: ${error.message}`, retryAfterMs: undefined }
    : classifyTelegramError(error);

import { setTimeout as delay } from 'node:timers/promises';
import { HttpError } from '../../http/errors.ts';
import { failureOf, waitAfter, type Failure, type Waits } from '../bot/classify-error.ts';

export interface PersistOptions {
  /** Ends the trying. */
  readonly signal: AbortSignal;
  readonly waits: Waits;
  /** Told of each failure, and in how many ms it is tried again. */
  readonly onFailure: (failure: Failure, wait: number) => void;
}

/** Tries again and again, later each time, until it succeeds; undefined when the signal ends it. Never rejects. */
export async function persist<T>(task: () => Promise<T>, options: PersistOptions): Promise<T | undefined> {
  const { signal, waits, onFailure } = options;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await task();
    } catch (error) {
      // The signal's doing, perhaps.
      if (options.signal.aborted) return undefined;
      const failure = whyOf(error);
      const wait = waitAfter(failure, failures, waits, Math.random);
      onFailure(failure, wait);
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** A failure of the database's is told as such. */
const whyOf = (error: unknown): Failure =>
  error instanceof HttpError
    ? { kind: 'unreached', reason: `the database: ${error.message}`, retryAfter: undefined }
    : failureOf(error);

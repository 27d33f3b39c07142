import type { Logger } from 'pino';
import { HttpError } from '../http/errors.ts';
import { upstreamLogFields } from '../http/upstream-failure.ts';

/** A batch of reads that failed. */
export interface FailedBatch {
  readonly error: unknown;
  /** How many reads were in the batch. A request waits for each. */
  readonly waiting: number;
}

/** Called after each batch of reads, with `undefined` if it succeeded. */
export type OnBatch = (failed: FailedBatch | undefined) => void;

/** Returns a function that reads a batch as `read` does, and reports the outcome. */
export function reportBatches<Key, Value>(
  read: (batch: readonly Key[]) => Promise<readonly Value[]>,
  onBatch: OnBatch,
): (batch: readonly Key[]) => Promise<readonly Value[]> {
  return async (batch) => {
    try {
      const values = await read(batch);
      onBatch(undefined);
      return values;
    } catch (error) {
      onBatch({ error, waiting: batch.length });
      throw error;
    }
  };
}

/**
 * Returns a function that logs failed batches, so that the log says once why many requests failed. Until a batch succeeds, only the
 * first failure is a warning: thousands of parked requests retry every second.
 *
 * @param kind - The label of these reads in the metrics.
 */
export function logFailedBatches(log: Pick<Logger, 'warn' | 'debug'>, kind: 'leaves' | 'facts'): OnBatch {
  let isFailing = false;
  return (failed) => {
    const level = isFailing ? 'debug' : 'warn';
    isFailing = failed !== undefined;
    if (failed === undefined) return;
    const { error, waiting } = failed;
    const upstream = error instanceof HttpError ? error.upstream : undefined;
    log[level]({ kind, waiting, ...upstreamLogFields(upstream) }, 'A read for several requests failed.');
  };
}

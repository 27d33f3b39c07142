import { serviceUnavailable } from '../http/errors.ts';
import { delayWithJitter } from '../lib/jittered-delay.ts';

/** Every conflict means that another write succeeded, so after this many in a row the client should retry later. */
const MAX_CONFLICTS = 8;

/**
 * Repeats a read and write of a document until no other write interferes.
 *
 * @param attempt - Resolves with `undefined` on a conflict.
 * @param reason - The message of the error after too many conflicts.
 * @returns The first other result.
 * @throws HttpError 503 after eight conflicts.
 */
export async function retryOnConflict<T>(attempt: () => Promise<T | undefined>, reason: string): Promise<T> {
  for (let count = 1; count <= MAX_CONFLICTS; count += 1) {
    const result = await attempt();
    if (result !== undefined) return result;
    await delayWithJitter(count);
  }
  throw serviceUnavailable(reason);
}

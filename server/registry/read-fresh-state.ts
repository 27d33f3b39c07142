import { setTimeout as delay } from 'node:timers/promises';
import type { LeafState } from './leaf-state.ts';
import { isOlderThan } from './state-token.ts';

/** The delays before each retry, in ms. A replica of a cluster lags for moments. */
const RETRY_DELAYS_MS = [250, 500, 1_000, 2_000] as const;

/**
 * Reads a state, and re-reads it while `shouldRetry` holds, for 3.75 s at most.
 *
 * @param isCancelled Stops the retries, for example because the client disconnected.
 * @returns The last state read, even if `shouldRetry` still holds for it.
 */
export async function readWhile(
  read: () => Promise<LeafState>,
  shouldRetry: (state: LeafState) => boolean,
  isCancelled: () => boolean = () => false,
): Promise<LeafState> {
  let state = await read();
  for (const delayMs of RETRY_DELAYS_MS) {
    if (isCancelled() || !shouldRetry(state)) break;
    await delay(delayMs);
    state = await read();
  }
  return state;
}

/**
 * Reads a state, and retries while it is older than the client's token (`since`). A state that stays older is accepted:
 * the database was restored.
 */
export const readFreshState = (
  read: () => Promise<LeafState>,
  since: string,
  isCancelled?: () => boolean,
): Promise<LeafState> => readWhile(read, (state) => isOlderThan(state, since), isCancelled);

import { setTimeout as delay } from 'node:timers/promises';
import { isOlderThan } from './response.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/** The waits before a state that looks stale is read again, in ms: a copy of a cluster lags for moments. */
const RETRY_DELAYS_MS = [250, 500, 1_000, 2_000] as const;

/** Reads a state until it is not `doubtful`, some seconds at the most. `over` says that nobody waits any more. */
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

/** Reads until the state does not look older than what the client was told (`since`), and then believes it: the database was restored. */
export const readFreshState = (
  read: () => Promise<LeafState>,
  since: string,
  isCancelled?: () => boolean,
): Promise<LeafState> => readWhile(read, (state) => isOlderThan(state, since), isCancelled);

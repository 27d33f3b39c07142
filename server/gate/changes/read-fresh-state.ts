import { setTimeout as delay } from 'node:timers/promises';
import { looksStale } from './response.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/** The waits before a state that looks stale is read again, in ms: a copy of a cluster lags for moments. */
const WAITS = [250, 500, 1_000, 2_000] as const;

/** Reads a state until it is not `doubtful`, some seconds at the most. `over` says that nobody waits any more. */
export async function readWhileDoubtful(
  read: () => Promise<LeafState>,
  doubtful: (state: LeafState) => boolean,
  over: () => boolean = () => false,
): Promise<LeafState> {
  let state = await read();
  for (const wait of WAITS) {
    if (over() || !doubtful(state)) break;
    await delay(wait);
    state = await read();
  }
  return state;
}

/** Reads until the state does not look older than what the client was told (`since`), and then believes it: the database was restored. */
export const readBelievable = (
  read: () => Promise<LeafState>,
  since: string,
  over?: () => boolean,
): Promise<LeafState> => readWhileDoubtful(read, (state) => looksStale(state, since), over);

/** Syncs until it is told to stop: attempt after attempt, with a wait between them that can be cut short. */
import { waitForEvent } from '../platform/emitter.ts';
import { runSync, type SyncOptions, type SyncTiming } from './sync-run.ts';
import { backoff } from './backoff.ts';
import { createThrottle } from './http/throttle.ts';

export type { SyncTiming } from './sync-run.ts';

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 10_000, silence: 25_000 };

/** What was live for as long was no failure. */
const MIN_STABLE_MS = 5_000;

/** A push in so many milliseconds at the most: while one waits PouchDB gathers, and sends the newest revision alone. */
const PUSH_INTERVAL_MS = 250;

/** Far more changes a second than people make, and far fewer than PouchDB asks for in circles. */
const MAX_CHANGES_REQUESTS_PER_SECOND = 8;

/** Resolved once `signal` is aborted. Never rejects. */
export async function runSyncLoop(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const { environment, wakeEmitter, dispatch } = options;
  const { random } = environment;
  const throttles = {
    _revs_diff: createThrottle(1, PUSH_INTERVAL_MS),
    _changes: createThrottle(MAX_CHANGES_REQUESTS_PER_SECOND, 1_000),
  };
  const isAborted = (): boolean => signal.aborted;
  let failures = 0;
  let wasDenied = false;

  signal.addEventListener('abort', wakeEmitter.emit);

  while (!isAborted()) {
    dispatch({ type: 'begun' });
    const { type, retryAfterMs, lastActivityAt, liveSince } = await runSync(
      { ...options, throttles, isRetry: failures > 0, wasDenied },
      signal,
    );
    if (isAborted()) break;
    failures = lastActivityAt - liveSince > MIN_STABLE_MS ? 1 : failures + 1;
    // The next attempt begins with the repair. Only one that did not help waits.
    wasDenied = type === 'denied';
    if (wasDenied && failures === 1) continue;
    const needsSignIn = type === 'sign-in-needed';
    dispatch({ type: needsSignIn ? type : 'interrupted', lastActivityAt });
    // Whoever wakes it up has reason to think that all is well again.
    if (await waitForEvent(wakeEmitter, needsSignIn ? undefined : backoff(failures, random, retryAfterMs)))
      failures = 0;
  }
}

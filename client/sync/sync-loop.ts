/** Syncs until it is stopped: one sync run after another, with an interruptible delay in between. */
import { waitForEvent } from '../platform/emitter.ts';
import { runSync } from './sync-run.ts';
import { backoff } from './backoff.ts';
import { createThrottle } from './http/throttle.ts';
import type { SyncTiming } from './timing.ts';
import type { SyncOptions } from './types.ts';

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 10_000, silence: 25_000 };

/** A run that was live for longer does not count as a failure in a row. */
const MIN_STABLE_MS = 5_000;

/** The minimum interval between pushes. While a push waits, PouchDB batches edits and sends only the newest revision. */
const PUSH_INTERVAL_MS = 250;

/** Far more changes per second than people make, and far fewer requests than PouchDB sends in a loop. */
const MAX_CHANGES_REQUESTS_PER_SECOND = 8;

/** Resolves after `signal` is aborted. Never rejects. */
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
    // The next run starts with the repair. There is a delay only if that did not help.
    wasDenied = type === 'denied';
    if (wasDenied && failures === 1) continue;
    const needsSignIn = type === 'sign-in-needed';
    dispatch({ type: needsSignIn ? type : 'interrupted', lastActivityAt });
    const delayMs = needsSignIn ? undefined : backoff(failures, random, retryAfterMs);
    const wasWoken = await waitForEvent(wakeEmitter, delayMs);
    // A wake-up means that the network is probably back.
    if (wasWoken) failures = 0;
  }
}

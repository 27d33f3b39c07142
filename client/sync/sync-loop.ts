/** Syncs until it is stopped: one sync run after another, with an interruptible delay in between. */
import { waitForEvent } from '../platform/emitter.ts';
import { createPace } from '../platform/pace.ts';
import { runSync } from './sync-run.ts';
import { countFailure } from './backoff.ts';
import { createBufferingDetector, type BufferingDetector } from './buffering.ts';
import type { SyncTiming } from './timing.ts';
import type { SyncOptions, SyncResult } from './types.ts';
import { waitForRetry } from './wait-for-retry.ts';

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 5_000, silence: 9_000, response: 10_000 };

/** The minimum interval between pushes. While a push waits, PouchDB batches edits and sends only the newest revision. */
const PUSH_INTERVAL_MS = 250;

/** Far more changes per second than people make, and far fewer requests than PouchDB sends in a loop. */
const MAX_CHANGES_REQUESTS_PER_SECOND = 8;

/** The rate limit of runs, which also applies to wake-ups. */
const MAX_RUNS = { count: 4, windowMs: 4_000 };

/** Resolves after `signal` is aborted. Never rejects. */
export async function runSyncLoop(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const { environment, isVisible, wakeEmitter, dispatch } = options;
  const throttles = {
    _revs_diff: createPace(1, PUSH_INTERVAL_MS),
    _changes: createPace(MAX_CHANGES_REQUESTS_PER_SECOND, 1_000),
  };
  const nextRun = createPace(MAX_RUNS.count, MAX_RUNS.windowMs);
  const buffering = createBufferingDetector(environment.now);
  const isAborted = (): boolean => signal.aborted;
  let failures = 0;
  /** Whether the next run starts with the repair. A run may end before it has replaced the database. */
  let mustReplace = false;
  let mustConfirmUser = false;
  /** Consecutive runs that timed out. */
  let timeouts = 0;
  let lastActivityAt: number | undefined;

  signal.addEventListener('abort', wakeEmitter.emit);

  while (!isAborted()) {
    await nextRun(signal);
    if (isAborted()) break;
    dispatch({ type: 'begun', lastActivityAt });
    const result = await runSync(
      {
        ...options,
        throttles,
        buffering,
        isRetry: failures > 0,
        mustReplace,
        mustConfirmUser,
        hasTimedOut: timeouts > 0,
        expectsHeadSoon: timeouts === 1,
      },
      signal,
    );
    if (isAborted()) break;
    const { type, reason, retryAfterMs, liveSince, hasReplaced } = result;
    lastActivityAt = result.lastActivityAt;
    recordLongpoll(buffering, result, timeouts > 0);
    const wasDenied = type === 'denied';
    const hasExcessLeaves = type === 'excess-leaves';
    // A run may fail for another reason, such as a busy server, before it has replaced or confirmed anything.
    mustReplace = (mustReplace && !hasReplaced) || wasDenied || hasExcessLeaves;
    mustConfirmUser = (mustConfirmUser && liveSince === Infinity) || reason.startsWith('wrong-');
    timeouts = type === 'feed-timed-out' || type === 'timed-out' ? timeouts + 1 : 0;
    // The server may be reachable over a new connection, so the next run starts without a delay.
    if (type === 'feed-timed-out' || type === 'woken' || hasExcessLeaves) continue;
    failures = countFailure(failures, lastActivityAt - liveSince);
    // There is a delay only if the repair did not help.
    if (wasDenied && failures === 1) continue;
    const needsSignIn = type === 'sign-in-needed';
    dispatch({ type: needsSignIn ? type : 'interrupted', reason, lastActivityAt });
    const wasWoken = needsSignIn
      ? await waitForEvent(wakeEmitter)
      : await waitForRetry({ random: environment.random, isVisible, failures, retryAfterMs, wakeEmitter }, signal);
    // A wake-up means that the network is probably back.
    if (wasWoken) failures = 0;
  }
}

/** After a timeout the longpoll itself may have been sent over a dead connection, so one of which nothing arrives is weaker evidence. */
function recordLongpoll(buffering: BufferingDetector, { type, longpoll }: SyncResult, hadTimedOut: boolean): void {
  if (type !== 'feed-timed-out') buffering.recordOther();
  else buffering.recordTimeout(longpoll === 'sent' && hadTimedOut ? 'head' : longpoll);
}

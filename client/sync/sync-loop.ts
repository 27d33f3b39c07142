/** Syncs until it is told to stop: attempt after attempt, with a wait between them that can be cut short. */
import { rings } from '../platform/emitter.ts';
import { attempt, type SyncOptions, type SyncTiming } from './sync-run.ts';
import { backoff } from './backoff.ts';
import { createPace } from './http/throttle.ts';

export type { SyncTiming } from './sync-run.ts';

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 10_000, silence: 25_000 };

/** What was live for as long was no failure. */
const STEADY_MS = 5_000;

/** A push in so many milliseconds at the most: while one waits PouchDB gathers, and sends the newest revision alone. */
const PUSH_EVERY_MS = 250;

/** Far more changes a second than people make, and far fewer than PouchDB asks for in circles. */
const MOST_CHANGES = 8;

/** Resolved once `signal` is aborted. Never rejects. */
export async function keepSyncing(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const { environment, wake, dispatch } = options;
  const { random } = environment;
  const paces = { _revs_diff: createPace(1, PUSH_EVERY_MS), _changes: createPace(MOST_CHANGES, 1_000) };
  const isOver = (): boolean => signal.aborted;
  let failures = 0;
  let wasDenied = false;

  signal.addEventListener('abort', wake.ring);

  while (!isOver()) {
    dispatch({ type: 'begun' });
    const { type, asked, heard, liveSince } = await attempt(
      { ...options, paces, isWary: failures > 0, wasDenied },
      signal,
    );
    if (isOver()) break;
    failures = heard - liveSince > STEADY_MS ? 1 : failures + 1;
    // The next attempt begins with the repair. Only one that did not help waits.
    wasDenied = type === 'denied';
    if (wasDenied && failures === 1) continue;
    const needsSignIn = type === 'sign-in-needed';
    dispatch({ type: needsSignIn ? type : 'interrupted', heard });
    // Whoever wakes it up has reason to think that all is well again.
    if (await rings(wake, needsSignIn ? undefined : backoff(failures, random, asked))) failures = 0;
  }
}

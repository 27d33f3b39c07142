/** Syncs until it is told to stop: attempt after attempt, with a wait between them that can be cut short. */
import { watchSleep } from '../platform/sleep.ts';
import { createTokens, type GetToken } from '../platform/tokens.ts';
import { attempt, type AttemptOptions, type SyncTiming } from './attempt.ts';
import { backoff } from './backoff.ts';
import { createPace } from './pace.ts';

export type { SyncTiming } from './attempt.ts';

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 10_000, silence: 25_000 };

/** Refusals this far apart have nothing to do with each other. */
const QUIET_MS = 60_000;

/** What was live for as long was no failure. */
const STEADY_MS = 5_000;

/** A push in so many milliseconds at the most. */
const PUSH_EVERY_MS = 250;

/** Far more changes a second than people make, and far fewer than PouchDB asks for in circles. */
const MOST_CHANGES = 8;

export interface KeepSyncingOptions extends AttemptOptions {
  readonly getToken: GetToken;
}

/** Resolved once `signal` is aborted. Never rejects. */
export async function keepSyncing(options: KeepSyncingOptions, signal: AbortSignal): Promise<void> {
  const { store, environment, timing, wake, dispatch } = options;
  const { now, random } = environment;
  const tokens = createTokens(options.getToken, timing.silence);
  const paces = { push: createPace(1, PUSH_EVERY_MS), changes: createPace(MOST_CHANGES, 1_000) };
  let failures = 0;
  let heard = 0;
  let denials = 0;
  let lastDenial = -Infinity;

  const settle = (): void => {
    // What could not be written now is tried again at the next change.
    if (store.needsSettling()) store.settle().catch(() => undefined);
  };
  const unsubscribe = store.subscribe(settle);
  const endSleep = watchSleep(now, wake.ring);
  const rest = async (count: number, asked?: number): Promise<void> => {
    // Whoever wakes it up has reason to think that all is well again.
    if (await wake.wait(signal, backoff(count, random, asked))) failures = 0;
  };

  settle();
  while (!signal.aborted) {
    heard = now();
    let liveSince = Infinity;
    dispatch({ type: 'begun' });
    const ending = await attempt(
      options,
      {
        tokens,
        paces,
        isWary: failures > 0,
        onHeard: () => {
          heard = now();
        },
        lastHeard: () => heard,
        onLive: () => {
          liveSince = Math.min(liveSince, now());
        },
      },
      signal,
    );
    switch (ending.kind) {
      case 'stopped':
        break;
      case 'sign-in-needed':
        dispatch({ type: 'sign-in-needed', heard });
        await wake.wait(signal);
        break;
      case 'denied':
        // The repair is done. If it did not help, the next one waits: see backoff.
        denials = now() - lastDenial > QUIET_MS ? 1 : denials + 1;
        lastDenial = now();
        if (denials > 1) {
          dispatch({ type: 'interrupted', heard });
          await rest(denials);
        }
        break;
      case 'interrupted':
        failures = heard - liveSince > STEADY_MS ? 1 : failures + 1;
        dispatch({ type: 'interrupted', heard });
        await rest(failures, ending.asked);
        break;
    }
  }
  endSleep();
  unsubscribe();
}

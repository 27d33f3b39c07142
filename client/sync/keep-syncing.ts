/** Syncs until it is told to stop: run after run, with a wait between them that can be cut short. */
import { openRemoteDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { quietFetch } from '../platform/quiet-fetch.ts';
import { createSyncFetch, type GetToken } from '../platform/sync-fetch.ts';
import type { LocalStore } from '../store/local-store.ts';
import { backoff } from './backoff.ts';
import { observe, type Exchange, type Observation } from './observe.ts';
import { replaceReplica, trySuspects } from './repair.ts';
import { runSync, type Ending } from './run.ts';
import type { StatusEvent } from './status.ts';
import type { WakeSignal } from './wake-signal.ts';

export interface SyncTiming {
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Milliseconds without any after which the connection is taken for dead. */
  readonly silence: number;
}

export const DEFAULT_TIMING: SyncTiming = { heartbeat: 10_000, silence: 25_000 };

/** Refusals this far apart have nothing to do with each other. */
const QUIET_MS = 60_000;

export interface KeepSyncingOptions {
  readonly url: string;
  readonly store: LocalStore;
  readonly getToken: GetToken;
  readonly environment: Pick<Environment, 'now' | 'random' | 'fetch' | 'onOffline'>;
  readonly timing: SyncTiming;
  readonly wake: WakeSignal;
  readonly dispatch: (event: StatusEvent) => void;
}

const remember = (store: LocalStore, observation: Observation): Promise<void> => {
  switch (observation.kind) {
    case 'holds':
      return store.learnDocuments(observation.documents);
    case 'has':
      return store.learnRevisions(observation.revisions);
    case 'lacks':
      return store.forgetRevisions(observation.revisions);
  }
};

/** Resolved once `signal` is aborted. Never rejects. */
export async function keepSyncing(options: KeepSyncingOptions, signal: AbortSignal): Promise<void> {
  const { url, store, getToken, environment, timing, wake, dispatch } = options;
  let failures = 0;
  let lastHeard = 0;
  let denials = 0;
  let lastDenial = -Infinity;

  const settle = (): void => {
    // What could not be written now is tried again at the next change.
    if (store.needsSettling()) store.settle().catch(() => undefined);
  };

  /** One run, with everything that is done before it. Rejects when a request before it fails. */
  const once = async (run: AbortController): Promise<Ending> => {
    let remembering = Promise.resolve();
    let running = true;
    const onExchange = (exchange: Exchange): void => {
      dispatch({ type: 'answered' });
      for (const observation of observe(exchange)) {
        remembering = remembering.then(() => remember(store, observation)).catch(() => undefined);
      }
    };
    const fetch = createSyncFetch({
      fetch: environment.fetch,
      getToken,
      silence: timing.silence,
      signal: run.signal,
      onHeard: () => {
        lastHeard = environment.now();
      },
      onExchange,
      onSignInNeeded: () => run.abort({ kind: 'sign-in-needed' } satisfies Ending),
    });
    const remote = openRemoteDatabase(
      url,
      quietFetch(fetch, run.signal, () => run.abort({ kind: 'interrupted' } satisfies Ending)),
    );
    await trySuspects(store, remote, (edit) => dispatch({ type: 'refused', edit }));
    const ending = await runSync({
      local: store.database(),
      remote,
      id: store.id,
      heartbeat: timing.heartbeat,
      signal: run.signal,
      onCaughtUp: () => {
        failures = 0;
        void remembering.then(() => {
          if (running) dispatch({ type: 'caught-up' });
        });
      },
    });
    running = false;
    await remembering;
    if (ending.kind === 'denied') await replaceReplica(store, remote);
    return ending;
  };

  const attempt = async (): Promise<Ending> => {
    const run = new AbortController();
    lastHeard = environment.now();
    const interrupt = (): void => run.abort({ kind: 'interrupted' } satisfies Ending);
    const stop = (): void => run.abort({ kind: 'stopped' } satisfies Ending);
    signal.addEventListener('abort', stop);
    const endOffline = environment.onOffline(interrupt);
    // A computer that slept may hold a connection that is long dead: waking up, do not wait for the silence to be noticed.
    const endWake = wake.listen(() => {
      if (environment.now() - lastHeard > timing.heartbeat * 1.5) interrupt();
    });
    const ended = new Promise<Ending>((resolve) => {
      run.signal.addEventListener('abort', () => resolve(run.signal.reason as Ending));
    });
    if (signal.aborted) stop();
    try {
      return await Promise.race([once(run), ended]);
    } catch {
      return { kind: 'interrupted' };
    } finally {
      signal.removeEventListener('abort', stop);
      endOffline();
      endWake();
      stop();
    }
  };

  const unsubscribe = store.subscribe(settle);
  settle();
  while (!signal.aborted) {
    const ending = await attempt();
    switch (ending.kind) {
      case 'stopped':
        break;
      case 'sign-in-needed':
        dispatch({ type: 'sign-in-needed' });
        await wake.wait(signal);
        break;
      case 'denied':
        // The repair is done. If it did not help, the next one waits: see backoff.
        denials = environment.now() - lastDenial > QUIET_MS ? 1 : denials + 1;
        lastDenial = environment.now();
        if (denials > 1) await wake.wait(signal, backoff(denials, environment.random));
        break;
      case 'interrupted':
        failures += 1;
        dispatch({ type: 'interrupted' });
        await wake.wait(signal, backoff(failures, environment.random));
        break;
    }
  }
  unsubscribe();
}

/** One attempt to be in sync: what is to be done before a run of PouchDB's sync, the run, and what is learnt on its way. */
import { openRemoteDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { quietFetch } from '../platform/quiet-fetch.ts';
import { createSyncFetch } from '../platform/sync-fetch.ts';
import type { Tokens } from '../platform/tokens.ts';
import type { LocalStore } from '../store/local-store.ts';
import { revisionsIn, type Exchange } from './answers.ts';
import { replaceReplica, trySuspects } from './repair.ts';
import { retryAfter } from './retry-after.ts';
import { runSync, type Ending } from './run.ts';
import type { StatusEvent } from './status.ts';
import { createTrustedFetch, type Paces } from './trusted-fetch.ts';
import type { WakeSignal } from './wake-signal.ts';

export interface SyncTiming {
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Milliseconds without any after which the connection is taken for dead. */
  readonly silence: number;
}

export interface AttemptOptions {
  readonly url: string;
  readonly store: LocalStore;
  readonly environment: Pick<Environment, 'now' | 'random' | 'fetch' | 'onOffline'>;
  readonly timing: SyncTiming;
  readonly wake: WakeSignal;
  readonly dispatch: (event: StatusEvent) => void;
}

export interface Attempt {
  readonly tokens: Tokens;
  readonly paces: Paces;
  /** The last one failed. */
  readonly isWary: boolean;
  /** Something came over the connection. */
  readonly onHeard: () => void;
  readonly lastHeard: () => number;
  readonly onLive: () => void;
}

/** Resolved with what ended it, when `stop` is aborted at the latest. Never rejects. */
export async function attempt(options: AttemptOptions, one: Attempt, stop: AbortSignal): Promise<Ending> {
  const { url, store, environment, timing, wake, dispatch } = options;
  const run = new AbortController();
  const { signal } = run;
  const end = (ending: Ending): void => run.abort(ending);
  const interrupt = (): void => end({ kind: 'interrupted' });
  const onStop = (): void => end({ kind: 'stopped' });

  /**
   * The leaves that the server's feed has told last in this run. What it told before counts for nothing: a database that is
   * restored while the connection stays open tells older ones from then on.
   */
  let shown: ReadonlySet<string> = new Set();
  let isListening = false;
  let isIdle = false;
  let doubt: ReturnType<typeof setTimeout> | undefined;

  const isQuiet = (): boolean => isIdle && isListening && !signal.aborted;
  const trust = (): void => {
    clearTimeout(doubt);
    doubt = undefined;
  };
  /**
   * PouchDB is at work, and something has come of it. It does not hear of it when the browser breaks off a read of IndexedDB,
   * and waits for it for good; every request of its own ends sooner.
   */
  const onProgress = (): void => {
    if (isIdle || signal.aborted) return;
    clearTimeout(doubt);
    doubt = setTimeout(interrupt, timing.silence * 2);
  };

  /** In sync is who has seen all that is here in the server's own feed, when PouchDB has nothing more to do. */
  const check = async (): Promise<void> => {
    const isAllThere = await store.learn(shown);
    if (!isQuiet()) return;
    if (isAllThere) {
      trust();
      one.onLive();
      dispatch({ type: 'caught-up', at: environment.now() });
      // For a heartbeat the feed may take its time; then what PouchDB takes for sent is asked about again.
    } else doubt ??= setTimeout(interrupt, timing.heartbeat);
  };
  // A local database that cannot be read ends the run by itself.
  const checkQuietly = (): void => void check().catch(() => undefined);
  const onExchange = ({ endpoint, answer }: Exchange): void => {
    // An answer that came too late: nobody is there any more to take it.
    if (signal.aborted) return;
    dispatch({ type: 'answered' });
    if (endpoint !== '_changes') return;
    const leaves = revisionsIn(answer);
    if (leaves.length > 0) shown = new Set(leaves);
    checkQuietly();
  };

  const once = async (): Promise<Ending> => {
    const ask = createSyncFetch({
      fetch: environment.fetch,
      tokens: one.tokens,
      silence: timing.silence,
      signal,
      onHeard: one.onHeard,
      onSignInNeeded: () => end({ kind: 'sign-in-needed' }),
    });
    const fetch = createTrustedFetch({
      ask,
      id: store.id,
      paces: one.paces,
      isWary: one.isWary,
      onExchange,
      onProgress,
      onListening: () => {
        isListening = true;
        checkQuietly();
      },
      onBusy: (header) => end({ kind: 'interrupted', asked: retryAfter(header, environment.now()) }),
    });
    const remote = openRemoteDatabase(url, quietFetch(fetch, signal, interrupt));
    await trySuspects(store, remote, (edit) => dispatch({ type: 'refused', edit }));
    // The browser may have thrown the local database away: reading finds that out, and opens another.
    if (one.isWary) await store.refresh();
    const local = store.database();
    // It was lost, or another tab has replaced it: nothing of the new one would be sent from here.
    const endWatch = store.subscribe(() => {
      if (store.database() !== local) interrupt();
      // An edit that PouchDB does not see is noticed by this.
      else checkQuietly();
    });
    onProgress();
    const ending = await runSync({
      local,
      remote,
      id: store.id,
      heartbeat: timing.heartbeat,
      signal,
      onIdle: (idle) => {
        isIdle = idle;
        trust();
        if (idle) checkQuietly();
        else onProgress();
      },
    });
    endWatch();
    if (ending.kind === 'denied') await replaceReplica(store, remote);
    return ending;
  };

  const ended = new Promise<Ending>((resolve) => {
    signal.addEventListener('abort', () => resolve(signal.reason as Ending));
  });
  stop.addEventListener('abort', onStop);
  const endOffline = environment.onOffline(interrupt);
  // A computer that slept may hold a connection that is long dead: waking up, do not wait for the silence to be noticed.
  const endWake = wake.listen(() => {
    if (environment.now() - one.lastHeard() > timing.heartbeat * 1.5) interrupt();
  });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([once(), ended]);
  } catch {
    return { kind: 'interrupted' };
  } finally {
    stop.removeEventListener('abort', onStop);
    trust();
    endOffline();
    endWake();
    onStop();
  }
}

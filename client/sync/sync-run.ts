/** One attempt to be in sync: a run of PouchDB's sync, what is to be done before it, and what is learnt on its way. */
import type { Emitter } from '../platform/emitter.ts';
import { openRemoteDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import type { GetToken } from './http/token-source.ts';
import type { LocalStore } from '../store/local-store.ts';
import { readLeaves } from '../store/replica.ts';
import type { Throttle } from './http/throttle.ts';
import { retryRejectedEdits } from './retry-rejected-edits.ts';
import type { StatusEvent } from './status.ts';
import { createValidatingFetch } from './http/validating-fetch.ts';

export interface SyncTiming {
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Milliseconds without any after which the connection is taken for dead. */
  readonly silence: number;
}

export interface SyncOptions {
  readonly url: string;
  readonly getToken: GetToken;
  readonly store: LocalStore;
  readonly environment: Pick<Environment, 'now' | 'random' | 'fetch' | 'listen'>;
  readonly timing: SyncTiming;
  readonly wakeEmitter: Emitter;
  readonly dispatch: (event: StatusEvent) => void;
}

export interface SyncRunOptions extends SyncOptions {
  /** Who waits for a turn to ask, by the last part of the URL's path. */
  readonly throttles: Readonly<Record<string, Throttle>>;
  /** The last attempt failed: a longpoll is believed in once it has been held for a while. */
  readonly isRetry: boolean;
  /** In the last one the server refused a revision, which PouchDB keeps and never sends again. */
  readonly wasDenied: boolean;
}

export interface SyncResult {
  readonly type: 'interrupted' | 'denied' | 'sign-in-needed';
  /** Milliseconds that the server wants to be left alone. */
  readonly retryAfterMs: number;
  /** When something last came over the connection. */
  readonly lastActivityAt: number;
  /** When it began to be live; Infinity: it never was. */
  readonly liveSince: number;
}

/** Ends the attempt, unless it has ended. */
export type EndSyncRun = (type: SyncResult['type'], asked?: number) => void;

/** Both halves of a PouchDB sync, which its types do not tell of: each says by itself when it is idle. */
interface SyncReplications {
  readonly push: Replication;
  readonly pull: Replication;
}
interface Replication {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}

/** Resolved with how it ended: interrupted, when `stop` is aborted. Never rejects. */
export function runSync(options: SyncRunOptions, stop: AbortSignal): Promise<SyncResult> {
  const { store, environment, timing, wakeEmitter, dispatch, isRetry, wasDenied } = options;
  const { now } = environment;
  const { heartbeat, silence } = timing;
  const runController = new AbortController();
  const { signal } = runController;
  let lastActivityAt = now();
  let liveSince = Infinity;
  const endRun: EndSyncRun = (type, retryAfterMs = 0) =>
    runController.abort({ type, retryAfterMs, lastActivityAt, liveSince } satisfies SyncResult);
  const interrupt = (): void => endRun('interrupted');
  const onEnd = (task: () => void): void => signal.addEventListener('abort', task);

  /**
   * The leaves that the server's feed has told last in this run. What it told before counts for nothing: a database that is
   * restored while the connection stays open tells older ones from then on.
   */
  let serverRevisions: readonly string[] = [];
  /** Who has nothing to do: the halves of PouchDB's sync, and the longpoll, which is held. */
  const idle = new Set<Replication | 'longpoll'>();
  let isInSync = false;
  const recordActivity = (): void => {
    lastActivityAt = now();
  };

  /** In sync is who has what the server's own feed tells, and nothing else, when nobody has anything more to do. */
  const checkInSync = (): void => {
    isInSync = store.acknowledge(serverRevisions) && idle.size === 3;
    if (!isInSync || signal.aborted) return;
    liveSince = Math.min(liveSince, now());
    dispatch({ type: 'caught-up', lastSynced: now() });
  };
  const markIdle = (participant: Replication | 'longpoll'): void => {
    idle.add(participant);
    checkInSync();
  };

  const start = async (): Promise<void> => {
    const fetch = createValidatingFetch(options, {
      signal,
      end: endRun,
      onActivity: (isLongpoll) => {
        // A longpoll that holds is a sign of life, and none that something comes of what is being done.
        if (isInSync || !isLongpoll) recordActivity();
      },
      onResponse: (revisions) => {
        dispatch({ type: 'answered' });
        if (revisions.length === 0) return;
        serverRevisions = revisions;
        checkInSync();
      },
      onLongpollOpen: () => markIdle('longpoll'),
    });
    // By the first answer that it gets from an address PouchDB decides for the life of a page whether there is a
    // `_bulk_get`. Under another address each time, it decides anew.
    const remote = openRemoteDatabase(`http://attempt${now()}/database`, fetch);
    if (wasDenied) await store.replace(await readLeaves(store.sourceIn(remote)));
    await retryRejectedEdits(store, remote, (edit) => dispatch({ type: 'refused', edit }));
    // The browser may have thrown the local database away: reading finds that out, and opens another.
    if (isRetry) await store.refresh();
    if (signal.aborted) return;

    const local = store.database();
    onEnd(
      store.subscribe(() => {
        // It was lost, or another tab has replaced it: nothing of the new one would be sent from here.
        if (store.database() !== local) interrupt();
        // An edit that PouchDB does not see is noticed by this.
        else checkInSync();
      }),
    );
    const sync = local.sync(remote, {
      live: true,
      // It never does: a replication that has failed is cancelled at once, and another attempt made.
      retry: true,
      doc_ids: [store.id],
      // For one document a checkpoint saves nothing. Without one every start asks about all local leaves, so that what
      // a restored server has lost comes back to it.
      checkpoint: false,
      heartbeat,
    });
    onEnd(() => sync.cancel());
    const { push, pull } = sync as typeof sync & SyncReplications;
    for (const replication of [push, pull]) {
      replication.on('active', () => {
        idle.delete(replication);
        isInSync = false;
        recordActivity();
      });
      replication.on('paused', (error) => {
        if (error) interrupt();
        else markIdle(replication);
      });
    }
    // The sync is a promise too, and each `on` returns it.
    void sync.on('denied', () => endRun('denied'));
    // A 401 has been dealt with by the fetch, and is not seen here.
    sync.then(interrupt, interrupt);
  };

  stop.addEventListener('abort', interrupt, { signal });
  onEnd(environment.listen('offline', interrupt));
  // Whatever is waited for, silence ends it: PouchDB is not told when the browser breaks off a read of IndexedDB, and waits for
  // good. It is told by the clock, which goes on while a computer sleeps and its timers do not, and is asked at once when
  // somebody wakes up.
  const checkIdleTimeout = (): void => {
    // For a heartbeat the feed may take its time; then what PouchDB takes for sent is asked about again.
    const timeoutMs = isInSync || idle.size < 3 ? silence : heartbeat;
    if (Math.abs(now() - lastActivityAt) > timeoutMs) interrupt();
  };
  const idleTimer = setInterval(checkIdleTimeout, heartbeat / 2);
  onEnd(() => clearInterval(idleTimer));
  onEnd(wakeEmitter.subscribe(checkIdleTimeout));
  start().catch(interrupt);
  return new Promise((resolve) => onEnd(() => resolve(signal.reason as SyncResult)));
}

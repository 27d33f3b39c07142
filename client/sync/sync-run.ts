/** One run of the sync: the repair that may come first, PouchDB's sync, and the detection of being in sync. */
import { openRemoteDatabase, type Database } from '../platform/database.ts';
import { readLeaves } from '../store/replica.ts';
import { BOUNDED_RESPONSE_MS, type LongpollProgress } from './buffering.ts';
import {
  CHECKS_PER_HEARTBEAT,
  MAX_HEAD_WAIT_MS,
  MIN_HUNG_MS,
  MIN_SLOW_START_MS,
  SLOW_TIMEOUT_FACTOR,
  startIdleTimeout,
  type IdleTimeout,
} from './idle-timeout.ts';
import type { LongpollMode } from './http/longpoll.ts';
import { retryRejectedEdits } from './retry-rejected-edits.ts';
import { createTokenProvider, type TokenProvider } from './http/token-provider.ts';
import { createValidatingFetch } from './http/validating-fetch.ts';
import type { ConnectionReason } from './status-reason.ts';
import type { EndSyncRun, Replication, SyncReplications, SyncResult, SyncRunEvents, SyncRunOptions } from './types.ts';

/** The participants of a run: all three are idle when there is nothing to do. An open longpoll counts as idle. */
type Participant = Replication | 'longpoll';
const PARTICIPANT_COUNT = 3;

/** Resolves with how the run ended; with `interrupted` when `stopSignal` is aborted. Never rejects. */
export const runSync = (options: SyncRunOptions, stopSignal: AbortSignal): Promise<SyncResult> =>
  new Promise((resolve) => {
    new SyncRun(options, resolve).start(stopSignal);
  });

class SyncRun {
  readonly #options: SyncRunOptions;
  readonly #onEnd: (result: SyncResult) => void;
  readonly #controller = new AbortController();
  readonly #idleTimeout: IdleTimeout;
  /** When the server first responded in this run. */
  #respondedAt = Infinity;
  readonly #longpollMode: LongpollMode;
  #longpoll: LongpollProgress = 'none';
  #liveSince = Infinity;
  #hasReplaced = false;
  /**
   * The leaves that the server's feed last returned in this run. Those of earlier runs do not count: a database that is
   * restored while the connection stays open returns older leaves from then on.
   */
  #serverRevisions: readonly string[] = [];
  readonly #idle = new Set<Participant>();
  #isInSync = false;
  readonly #tokens: TokenProvider;
  /** The number of requests apart from the longpoll. */
  #pendingRequests = 0;
  /** The reason for the last response, if it rejected its request. PouchDB may fail at it. */
  #rejection: ConnectionReason | undefined;

  constructor(options: SyncRunOptions, onEnd: (result: SyncResult) => void) {
    const { environment, timing, wakeEmitter, isRetry, buffering } = options;
    this.#options = options;
    this.#longpollMode = buffering.isBuffering() ? 'bounded' : isRetry ? 'held' : 'immediate';
    this.#onEnd = onEnd;
    this.#tokens = createTokenProvider(options.getToken);
    // The timeout covers everything that the run waits for. PouchDB, for example, waits forever for a read of IndexedDB
    // that the browser aborted.
    this.#idleTimeout = startIdleTimeout(
      {
        now: environment.now,
        wakeEmitter,
        checkIntervalMs: timing.heartbeat / CHECKS_PER_HEARTBEAT,
        timeoutMs: this.#idleTimeoutMs,
        onTimeout: () => this.#end(this.#isWaitingForFeed() ? 'feed-timed-out' : 'timed-out'),
      },
      this.#signal,
    );
  }

  start(stopSignal: AbortSignal): void {
    stopSignal.addEventListener('abort', this.#interrupt, { signal: this.#signal });
    const { environment, wakeEmitter } = this.#options;
    const onOffline = (): void => this.#end('interrupted', 'network-unreachable');
    this.#addCleanup(environment.listen('offline', onOffline));
    this.#addCleanup(wakeEmitter.subscribe(this.#onWake));
    this.#run().catch(this.#interrupt);
  }

  get #signal(): AbortSignal {
    return this.#controller.signal;
  }

  async #run(): Promise<void> {
    const { environment, store, isRetry, mustReplace, dispatch } = this.#options;
    // PouchDB decides by the first response of an address whether the server has `_bulk_get`, and keeps the decision until
    // the page is closed. With another address for each run it decides again.
    const address = `http://attempt${environment.now()}/database`;
    const remote = openRemoteDatabase(store.database(), address, this.#createFetch());
    if (mustReplace) {
      await store.replace(await readLeaves(store.sourceIn(remote)));
      this.#hasReplaced = true;
    }
    await retryRejectedEdits(store, remote, (edit) => dispatch({ type: 'refused', edit }));
    // The browser may have deleted the local database. A read detects that and opens another one.
    if (isRetry) await store.refresh();
    if (this.#signal.aborted) return;
    const local = store.database();
    this.#watchStore(local);
    this.#replicate(local, remote);
  }

  #createFetch(): typeof globalThis.fetch {
    const events: SyncRunEvents = {
      signal: this.#signal,
      end: this.#end,
      onActivity: (isLongpoll) => {
        // A held longpoll shows that the connection is alive, but not that pending work makes progress.
        if (this.#isInSync || !isLongpoll) this.#idleTimeout.recordActivity();
      },
      onPending: (change) => void (this.#pendingRequests += change),
      onResponse: this.#onResponse,
      onServerTime: this.#options.onServerTime,
      onLongpollOpen: () => this.#markIdle('longpoll'),
      onLongpollProgress: (progress) => {
        this.#longpoll = progress;
        if (progress === 'heartbeat') this.#options.buffering.recordHeartbeat();
      },
    };
    const { getToken } = this.#tokens;
    return createValidatingFetch({ ...this.#options, getToken, longpollMode: this.#longpollMode }, events);
  }

  readonly #onResponse: SyncRunEvents['onResponse'] = (revisions, rejection) => {
    this.#rejection = rejection;
    this.#options.dispatch({ type: 'answered' });
    this.#respondedAt = Math.min(this.#respondedAt, this.#options.environment.now());
    if (revisions.length === 0) return;
    this.#serverRevisions = revisions;
    this.#checkInSync();
  };

  #watchStore(local: Database): void {
    const { store } = this.#options;
    const unsubscribe = store.subscribe(() => {
      // The database was lost, or another tab has replaced it. PouchDB would not send what is written to the new one.
      if (store.database() !== local) this.#interrupt();
      // Notices an edit that PouchDB misses.
      else this.#checkInSync();
    });
    this.#addCleanup(unsubscribe);
  }

  #replicate(local: Database, remote: Database): void {
    const { store, timing } = this.#options;
    const sync = local.sync(remote, {
      live: true,
      // PouchDB itself never retries: a failed replication is cancelled at once, and another run starts.
      retry: true,
      doc_ids: [store.id],
      // For a single document a checkpoint saves nothing. Without one every start compares all local leaves, so that the
      // browser returns to a restored server what that has lost.
      checkpoint: false,
      heartbeat: timing.heartbeat,
    });
    this.#addCleanup(() => sync.cancel());
    const { push, pull } = sync as typeof sync & SyncReplications;
    for (const replication of [push, pull]) {
      replication.on('active', () => this.#markActive(replication));
      replication.on('paused', (error) => {
        if (error) this.#interrupt();
        else this.#markIdle(replication);
      });
    }
    // `on` returns the sync, which is also a promise.
    void sync.on('denied', () => this.#end('denied'));
    // The run's `fetch` handles a 401. It never arrives here.
    sync.then(this.#interrupt, this.#interrupt);
  }

  #markActive(replication: Replication): void {
    this.#idle.delete(replication);
    this.#isInSync = false;
    this.#idleTimeout.recordActivity();
  }

  #markIdle(participant: Participant): void {
    this.#idle.add(participant);
    this.#checkInSync();
  }

  /** In sync: the local leaves equal those of the server's feed, and all participants are idle. */
  #checkInSync(): void {
    const { store, environment, dispatch } = this.#options;
    this.#isInSync = store.acknowledge(this.#serverRevisions) && this.#isIdle();
    if (!this.#isInSync || this.#signal.aborted) return;
    const now = environment.now();
    this.#liveSince = Math.min(this.#liveSince, now);
    dispatch({ type: 'caught-up', lastSynced: now });
    if (store.hasExcessLeaves(this.#serverRevisions)) this.#end('excess-leaves');
  }

  #isIdle(): boolean {
    return this.#idle.size === PARTICIPANT_COUNT;
  }

  readonly #idleTimeoutMs = (): number => {
    const { heartbeat, silence } = this.#options.timing;
    // The feed has one heartbeat to catch up. After that the next run compares again what PouchDB considers sent.
    if (this.#isFeedIncomplete()) return heartbeat;
    if (this.#options.expectsHeadSoon && this.#longpoll === 'sent' && !this.#isBounded()) return MAX_HEAD_WAIT_MS;
    const isSlow = Number.isFinite(this.#liveSince) && this.#liveSince - this.#respondedAt > MIN_SLOW_START_MS;
    return (this.#isBounded() ? BOUNDED_RESPONSE_MS : 0) + silence * (isSlow ? SLOW_TIMEOUT_FACTOR : 1);
  };

  /** Whether all participants are idle, yet the leaves differ. */
  #isFeedIncomplete(): boolean {
    return this.#isIdle() && !this.#isInSync;
  }

  /** Whether the run waits for its longpoll alone. */
  #isWaitingForFeed(): boolean {
    if (this.#longpoll === 'none' || this.#tokens.isPending()) return false;
    return this.#idle.size - Number(this.#idle.has('longpoll')) === PARTICIPANT_COUNT - 1;
  }

  /** Whether heartbeats of the open longpoll may be missing. */
  #isBounded(): boolean {
    return this.#options.buffering.isBuffering() && this.#longpoll !== 'none';
  }

  /** Ends a run that may wait on a dead connection, after the computer or page has woken up or the network is back. */
  readonly #onWake = (): void => {
    const { environment, timing } = this.#options;
    const isHeartbeatExpected = this.#isInSync && !this.#isBounded();
    const maxIdleMs = isHeartbeatExpected ? timing.heartbeat + MIN_HUNG_MS : MIN_HUNG_MS;
    if (environment.now() - this.#idleTimeout.lastActivityAt() > maxIdleMs) this.#end('woken');
  };

  #addCleanup(task: () => void): void {
    this.#signal.addEventListener('abort', task);
  }

  readonly #interrupt = (): void => this.#end('interrupted');

  readonly #end: EndSyncRun = (type, reason = this.#explainEnd(type), retryAfterMs = 0) => {
    if (this.#signal.aborted) return;
    const lastActivityAt = this.#idleTimeout.lastActivityAt();
    const state = { longpoll: this.#longpoll, liveSince: this.#liveSince, hasReplaced: this.#hasReplaced };
    this.#onEnd({ type, reason, retryAfterMs, lastActivityAt, ...state });
    this.#controller.abort();
  };

  /** Returns the reason for an end that no response caused. */
  #explainEnd(type: SyncResult['type']): ConnectionReason {
    if (type === 'denied') return 'request-rejected';
    // PouchDB fails at a response that rejects its request, and at the local database.
    if (type === 'interrupted') return this.#rejection ?? 'database-failed';
    if (this.#tokens.isPending()) return 'token-timeout';
    if (this.#pendingRequests > 0) return 'response-timeout';
    return this.#isFeedIncomplete() ? 'invalid-response' : 'database-failed';
  }
}

/** One run of the sync: the repair that may come first, PouchDB's sync, and the detection of being in sync. */
import { openRemoteDatabase, type Database } from '../platform/database.ts';
import { readLeaves } from '../store/replica.ts';
import { BOUNDED_RESPONSE_MS, type LongpollProgress } from './buffering.ts';
import { MIN_HUNG_MS, startIdleTimeout, type IdleTimeout } from './idle-timeout.ts';
import type { LongpollMode } from './http/longpoll.ts';
import { retryRejectedEdits } from './retry-rejected-edits.ts';
import { createValidatingFetch } from './http/validating-fetch.ts';
import type { EndSyncRun, SyncResult, SyncRunEvents, SyncRunOptions } from './types.ts';

/** One half of a PouchDB sync. PouchDB's types lack it. */
interface Replication {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}
interface SyncReplications {
  readonly push: Replication;
  readonly pull: Replication;
}

/** The participants of a run: all three are idle when there is nothing to do. An open longpoll counts as idle. */
type Participant = Replication | 'longpoll';
const PARTICIPANT_COUNT = 3;

/** How often the idle timeout is checked within a heartbeat. */
const CHECKS_PER_HEARTBEAT = 5;
/**
 * The server counts as busy if a run takes longer than this from its first response until it is live. Reconnects because of
 * late heartbeats would increase its load, so the idle timeout is then longer.
 */
const MIN_SLOW_START_MS = 3_000;
const SLOW_TIMEOUT_FACTOR = 2.5;
/** How long the head of the first longpoll after a timeout may take. */
const MAX_HEAD_WAIT_MS = 3_000;

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
  /**
   * The leaves that the server's feed last returned in this run. Those of earlier runs do not count: a database that is
   * restored while the connection stays open returns older leaves from then on.
   */
  #serverRevisions: readonly string[] = [];
  readonly #idle = new Set<Participant>();
  #isInSync = false;

  constructor(options: SyncRunOptions, onEnd: (result: SyncResult) => void) {
    const { environment, timing, wakeEmitter, isRetry, buffering } = options;
    this.#options = options;
    this.#longpollMode = buffering.isBuffering() ? 'bounded' : isRetry ? 'held' : 'immediate';
    this.#onEnd = onEnd;
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
    this.#addCleanup(this.#options.environment.listen('offline', this.#interrupt));
    this.#addCleanup(this.#options.wakeEmitter.subscribe(this.#onWake));
    this.#run().catch(this.#interrupt);
  }

  get #signal(): AbortSignal {
    return this.#controller.signal;
  }

  async #run(): Promise<void> {
    const { environment, store, isRetry, wasDenied, dispatch } = this.#options;
    // PouchDB decides by the first response of an address whether the server has `_bulk_get`, and keeps the decision until
    // the page is closed. With another address for each run it decides again.
    const address = `http://attempt${environment.now()}/database`;
    const remote = openRemoteDatabase(store.database(), address, this.#createFetch());
    if (wasDenied) await store.replace(await readLeaves(store.sourceIn(remote)));
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
      onResponse: this.#onResponse,
      onLongpollOpen: () => this.#markIdle('longpoll'),
      onLongpollProgress: (progress) => {
        this.#longpoll = progress;
        if (progress === 'heartbeat') this.#options.buffering.recordHeartbeat();
      },
    };
    return createValidatingFetch({ ...this.#options, longpollMode: this.#longpollMode }, events);
  }

  readonly #onResponse = (revisions: readonly string[]): void => {
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
  }

  #isIdle(): boolean {
    return this.#idle.size === PARTICIPANT_COUNT;
  }

  readonly #idleTimeoutMs = (): number => {
    const { heartbeat, silence } = this.#options.timing;
    // All participants are idle, yet the leaves differ: the feed has one heartbeat to catch up. After that the next run
    // compares again what PouchDB considers sent.
    if (this.#isIdle() && !this.#isInSync) return heartbeat;
    if (this.#options.expectsHeadSoon && this.#longpoll === 'sent' && !this.#isBounded()) return MAX_HEAD_WAIT_MS;
    const isSlow = Number.isFinite(this.#liveSince) && this.#liveSince - this.#respondedAt > MIN_SLOW_START_MS;
    return (this.#isBounded() ? BOUNDED_RESPONSE_MS : 0) + silence * (isSlow ? SLOW_TIMEOUT_FACTOR : 1);
  };

  /** Whether the run waits for its longpoll alone. */
  #isWaitingForFeed(): boolean {
    return this.#longpoll !== 'none' && this.#idle.size - Number(this.#idle.has('longpoll')) === PARTICIPANT_COUNT - 1;
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

  readonly #end: EndSyncRun = (type, retryAfterMs = 0) => {
    if (this.#signal.aborted) return;
    const lastActivityAt = this.#idleTimeout.lastActivityAt();
    this.#onEnd({ type, longpoll: this.#longpoll, retryAfterMs, lastActivityAt, liveSince: this.#liveSince });
    this.#controller.abort();
  };
}

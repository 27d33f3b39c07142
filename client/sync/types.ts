/** The options, the result and the events of a sync run, and what it uses of PouchDB's sync. */
import type { ServerTime } from '../platform/clock-offset.ts';
import type { Emitter } from '../platform/emitter.ts';
import type { NetworkEnvironment } from '../platform/environment.ts';
import type { Pace } from '../platform/pace.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { BufferingDetector, LongpollProgress } from './buffering.ts';
import type { GetToken } from './http/token-source.ts';
import type { StatusEvent } from './status.ts';
import type { ConnectionReason } from './status-reason.ts';
import type { SyncTiming } from './timing.ts';

/** Options of all sync runs of a store. */
export interface SyncOptions {
  /** The URL of the database on the server. */
  readonly url: string;
  /** The prefix of the user documents' ids. */
  readonly idPrefix: string;
  readonly getToken: GetToken;
  readonly store: LocalStore;
  readonly environment: NetworkEnvironment;
  readonly timing: SyncTiming;
  /** Whether this page, or another one of this browser that it syncs for, is visible. */
  readonly isVisible: () => boolean;
  /** Emits when there is a reason to retry at once. */
  readonly wakeEmitter: Emitter;
  readonly dispatch: (event: StatusEvent) => void;
  /** Called with the time of a response. Nothing is sent that depends on the response until it resolves. Never rejects. */
  readonly onServerTime: (time: ServerTime) => Promise<void>;
}

/** Options of one sync run. */
export interface SyncRunOptions extends SyncOptions {
  readonly buffering: Pick<BufferingDetector, 'isBuffering' | 'recordHeartbeat'>;
  /** Delays requests, by endpoint: the last segment of the URL's path. */
  readonly throttles: Readonly<Record<string, Pace>>;
  /** Whether the last run failed. A longpoll then counts as open only after a minimum time. */
  readonly isRetry: boolean;
  /** Whether the last run ended by a timeout. The browser's connection pool may contain further dead connections. */
  readonly hasTimedOut: boolean;
  /** Whether the longpoll itself may be on a dead connection, so that its head is expected soon. True only once in a row. */
  readonly expectsHeadSoon: boolean;
  /**
   * Whether the local database is first replaced by the server's leaves: the server rejected a revision, which PouchDB keeps and
   * never sends again, or there are too many leaves, and no run has replaced it since.
   */
  readonly mustReplace: boolean;
  /**
   * Whether a run found another user's document, or another server, and no run has been in sync since. No edit is then sent
   * before the feed has shown the user's own document.
   */
  readonly mustConfirmUser: boolean;
}

/**
 * How a run ended.
 * - `interrupted`: the connection failed, or the run was stopped.
 * - `timed-out`: a request received no response in time.
 * - `feed-timed-out`: the idle timeout of the longpoll expired.
 * - `woken`: a request had no response when the network may have become available again.
 * - `denied`: the server rejected a revision.
 * - `excess-leaves`: everything is in sync, and the local database has too many leaves.
 * - `sign-in-needed`: the server accepted no token.
 */
export interface SyncResult {
  readonly type:
    'interrupted' | 'timed-out' | 'feed-timed-out' | 'woken' | 'denied' | 'excess-leaves' | 'sign-in-needed';
  /** Why it ended, for the status. */
  readonly reason: ConnectionReason;
  /** What the open longpoll had received. */
  readonly longpoll: LongpollProgress;
  /** The server's Retry-After in milliseconds; 0 for none. */
  readonly retryAfterMs: number;
  /** When something last arrived over the connection, in milliseconds since 1970. */
  readonly lastActivityAt: number;
  /** When the run became live, in milliseconds since 1970; Infinity if it never did. */
  readonly liveSince: number;
  /** Whether the local database was replaced. */
  readonly hasReplaced: boolean;
}

/** Ends the run. Later calls have no effect. Without a reason the run finds it. */
export type EndSyncRun = (type: SyncResult['type'], reason?: ConnectionReason, retryAfterMs?: number) => void;

/** What the run's `fetch` reports, and how it ends the run. */
export interface SyncRunEvents {
  /** Aborted when the run ends. */
  readonly signal: AbortSignal;
  readonly end: EndSyncRun;
  /** Called with 1 when a request other than a longpoll begins, and with -1 when it ends. */
  readonly onPending: (change: 1 | -1) => void;
  /** Called when something arrived over the connection. */
  readonly onActivity: (isLongpoll: boolean) => void;
  /**
   * Called after each response that is passed on, with the revisions that it contains if it is one of `_changes`.
   * `rejection` is the reason for a response that rejects the request.
   */
  readonly onResponse: (revisions: readonly string[], rejection: ConnectionReason | undefined) => void;
  /** See SyncOptions. */
  readonly onServerTime: SyncOptions['onServerTime'];
  /** Called when the server holds a longpoll open. */
  readonly onLongpollOpen: () => void;
  /** Called when a longpoll is sent, when something arrives of it, and when it has ended. */
  readonly onLongpollProgress: (progress: LongpollProgress) => void;
}

/** One half of a PouchDB sync. PouchDB's types lack it. */
export interface Replication {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}
export interface SyncReplications {
  readonly push: Replication;
  readonly pull: Replication;
}

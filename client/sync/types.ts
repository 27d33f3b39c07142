/** The options, the result and the events of a sync run. */
import type { Emitter } from '../platform/emitter.ts';
import type { NetworkEnvironment } from '../platform/environment.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { BufferingDetector, LongpollProgress } from './buffering.ts';
import type { Throttle } from './http/throttle.ts';
import type { GetToken } from './http/token-source.ts';
import type { StatusEvent } from './status.ts';
import type { SyncTiming } from './timing.ts';

/** Options of all sync runs of a store. */
export interface SyncOptions {
  /** The URL of the database on the server. */
  readonly url: string;
  readonly getToken: GetToken;
  readonly store: LocalStore;
  readonly environment: NetworkEnvironment;
  readonly timing: SyncTiming;
  /** Whether this page, or another one of this browser that it syncs for, is visible. */
  readonly isVisible: () => boolean;
  /** Emits when there is a reason to retry at once. */
  readonly wakeEmitter: Emitter;
  readonly dispatch: (event: StatusEvent) => void;
}

/** Options of one sync run. */
export interface SyncRunOptions extends SyncOptions {
  readonly buffering: Pick<BufferingDetector, 'isBuffering'>;
  /** Delays requests, by endpoint: the last segment of the URL's path. */
  readonly throttles: Readonly<Record<string, Throttle>>;
  /** Whether the last run failed. A longpoll then counts as open only after it has been held for a while. */
  readonly isRetry: boolean;
  /** Whether the last run ended because nothing arrived any more. The browser may keep further connections that are dead. */
  readonly wasSilent: boolean;
  /** Whether the server rejected a revision in the last run. PouchDB keeps that revision and never sends it again. */
  readonly wasDenied: boolean;
}

/**
 * How a run ended.
 * - `interrupted`: the connection failed, or the run was stopped.
 * - `timed-out`: a request was not answered in time.
 * - `silent`: nothing arrived any more over a connection that was good before.
 * - `woken`: a request had not been answered when the network may have become available again.
 * - `denied`: the server rejected a revision.
 * - `sign-in-needed`: the server accepted no token.
 */
export interface SyncResult {
  readonly type: 'interrupted' | 'timed-out' | 'silent' | 'woken' | 'denied' | 'sign-in-needed';
  /** What the open longpoll had received. */
  readonly longpoll: LongpollProgress;
  /** The server's Retry-After in milliseconds; 0 for none. */
  readonly retryAfterMs: number;
  /** When something last arrived over the connection, in milliseconds since 1970. */
  readonly lastActivityAt: number;
  /** When the run became live, in milliseconds since 1970; Infinity if it never did. */
  readonly liveSince: number;
}

/** Ends the run. Later calls have no effect. */
export type EndSyncRun = (type: SyncResult['type'], retryAfterMs?: number) => void;

/** What the run's `fetch` reports, and how it ends the run. */
export interface SyncRunEvents {
  /** Aborted when the run ends. */
  readonly signal: AbortSignal;
  readonly end: EndSyncRun;
  /** Called when something arrived over the connection. */
  readonly onActivity: (isLongpoll: boolean) => void;
  /** Called after each valid response, with the revisions that it contains if it is one of `_changes`. */
  readonly onResponse: (revisions: readonly string[]) => void;
  /** Called when the server holds a longpoll open. */
  readonly onLongpollOpen: () => void;
  /** Called when a longpoll is sent, when something arrives of it, and when it has ended. */
  readonly onLongpollProgress: (progress: LongpollProgress) => void;
}

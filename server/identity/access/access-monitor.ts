import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { FeedListener } from '../../upstream/feed/listener.ts';
import { followChanges, type Feed } from '../../upstream/feed/feed.ts';
import type { FeedRow } from '../../upstream/feed/row.ts';
import type { OnBatch } from '../../upstream/report-batches.ts';
import { createAccessRecordLoader } from './access-record-loader.ts';
import type { Caller, Revocation } from '../../http/caller.ts';
import { AccessRecordCache } from './access-record-cache.ts';
import { accessRecordIds, parseAccessRecord, evaluateAccess, type AccessRecord } from './access-records.ts';
import {
  sessionDocumentId,
  parseSessionDocumentId,
  parseSuspensionDocumentId,
  suspensionDocumentId,
  toSessionDocument,
} from '../sessions/document.ts';
import type { Session } from '../sessions/state.ts';
import { ActiveCallers, toRevocation, type ActiveCaller } from './active-callers.ts';

export interface AccessMonitorOptions {
  readonly couch: ServerScope;
  readonly access: UpstreamAccess;
  /** The name of the sessions database. */
  readonly database: string;
  /** The time in ms. */
  readonly now: () => number;
  readonly feedListener?: FeedListener | undefined;
  /** Called after each batch of reads. */
  readonly onBatch?: OnBatch | undefined;
  /** The heartbeat of the change feed, in ms. The default is that of `followChanges`. */
  readonly heartbeatMs?: number | undefined;
  /** Called with each row of the feed, for documents that do not concern access. It must not throw. */
  readonly onRow?: ((row: FeedRow) => void) | undefined;
  /** Limits that tests lower. */
  readonly limits?: { readonly records: number; readonly callers: number };
}

/** How long a cached record is fresh while the change feed is disconnected, in ms. */
const MAX_AGE_WHILE_DISCONNECTED_MS = 5_000;
/** The delay before a failed recheck is retried, in ms. */
const RECHECK_DELAY_MS = 500;

/**
 * Checks callers' access against the sessions database, and emits a revocation as soon as access ends. It follows the
 * database's change feed, so a check of a known caller needs no request.
 */
export class AccessMonitor {
  readonly #now: () => number;
  readonly #feedListener: FeedListener | undefined;
  readonly #cache: AccessRecordCache;
  readonly #callers: ActiveCallers;
  readonly #feed: Feed;
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  readonly #closing = new AbortController();
  #connectionWaiters: (() => void)[] = [];
  /** Incremented at each connect; a recheck of an earlier connection stops. */
  #connectionEpoch = 0;

  constructor(options: AccessMonitorOptions) {
    const { couch, access, database, now, limits = { records: 100_000, callers: 100_000 } } = options;
    this.#now = now;
    this.#feedListener = options.feedListener;
    // Each failed recheck listens on the signal. This is not a leak.
    setMaxListeners(0, this.#closing.signal);
    this.#cache = new AccessRecordCache({
      read: createAccessRecordLoader(couch, database, options.onBatch),
      maxEntries: limits.records,
      maxAgeMs: () => (this.#feed.connected ? Infinity : MAX_AGE_WHILE_DISCONNECTED_MS),
      now,
    });
    this.#callers = new ActiveCallers({
      maxCallers: limits.callers,
      now,
      onEvicted: (revocation) => this.#notifyEnded(revocation),
    });
    this.#feed = followChanges({
      access,
      database,
      includeDocs: true,
      ...(options.heartbeatMs === undefined ? {} : { heartbeat: options.heartbeatMs }),
      onConnect: () => this.#onConnect(),
      onDisconnect: (reason) => this.#feedListener?.onDisconnect(reason),
      onActivity: () => this.#feedListener?.onActivity(),
      onRow: (row) => {
        options.onRow?.(row);
        this.#onRow(row);
      },
    });
  }

  /**
   * Resolves when the caller has access. Register a live request's waiter before the call, or a revocation between the two is
   * missed.
   *
   * @throws HttpError 401 when the token or its session has ended or the account is suspended; 502 or 503 when the database
   * fails.
   */
  async assertActive(caller: Caller): Promise<void> {
    if (caller.expiresAt <= this.#now()) throw tokenRefusal('token-expired');
    // Added before the records are read, so that a revocation from here on is noticed.
    this.#callers.add(caller);
    switch (evaluateAccess(caller, await this.#cache.get(accessRecordIds(caller)), this.#now())) {
      case 'active':
        return;
      case 'session-ended':
        throw tokenRefusal('session-ended');
      case 'suspended':
        throw tokenRefusal('account-suspended');
    }
  }

  /**
   * Calls `listener` as soon as the access of a session or an account ends. The listener must not throw.
   *
   * @returns a function that removes the listener.
   */
  onEnded(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Applies the state of a session that this process has stored, before the feed delivers it. */
  recordSession(session: Session): void {
    const id = sessionDocumentId(session.id);
    this.#applyRecord(id, parseAccessRecord(id, toSessionDocument(session)));
  }

  /** Applies a suspension that this process has stored or removed, before the feed delivers it. */
  recordSuspension(username: Username, isSuspended: boolean): void {
    this.#applyRecord(suspensionDocumentId(username), { kind: isSuspended ? 'suspended' : 'absent' });
  }

  /** Whether the change feed is connected. */
  get connected(): boolean {
    return this.#feed.connected;
  }

  /** Resolves once the change feed is connected. Stays pending when it does not connect before `close`. */
  whenConnected(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#feed.connected) resolve();
      else this.#connectionWaiters.push(resolve);
    });
  }

  close(): void {
    this.#closing.abort();
    this.#feed.close();
    this.#listeners.clear();
  }

  #onConnect(): void {
    this.#feedListener?.onConnect();
    this.#cache.clear();
    this.#connectionEpoch += 1;
    // Access may have ended while the feed was disconnected.
    for (const caller of this.#callers.all()) void this.#recheck(caller, this.#connectionEpoch);
    for (const resolve of this.#connectionWaiters) resolve();
    this.#connectionWaiters = [];
  }

  #onRow(row: FeedRow): void {
    const record = parseAccessRecord(row.id, row.deleted ? undefined : row.doc);
    if (parseSuspensionDocumentId(row.id) !== undefined) this.#applyRecord(row.id, record);
    // A session's document is deleted only after the session has ended.
    if (parseSessionDocumentId(row.id) !== undefined)
      this.#applyRecord(row.id, record.kind === 'absent' ? { kind: 'ended' } : record);
  }

  #applyRecord(id: string, record: AccessRecord): void {
    this.#cache.set(id, record);
    const sessionId = parseSessionDocumentId(id);
    const username = parseSuspensionDocumentId(id);
    if (record.kind === 'ended' && sessionId !== undefined) this.#notifyEnded({ kind: 'session', sessionId });
    if (record.kind === 'suspended' && username !== undefined) this.#notifyEnded({ kind: 'account', username });
  }

  #notifyEnded(revocation: Revocation): void {
    this.#callers.remove(revocation);
    for (const listener of [...this.#listeners]) listener(revocation);
  }

  /** Checks an active caller again. Retries until the read succeeds or a later connection starts its own recheck. */
  async #recheck(caller: ActiveCaller, epoch: number): Promise<void> {
    const { signal } = this.#closing;
    while (epoch === this.#connectionEpoch && !signal.aborted) {
      try {
        const outcome = evaluateAccess(caller, await this.#cache.get(accessRecordIds(caller)), this.#now());
        if (outcome === 'suspended') this.#notifyEnded({ kind: 'account', username: caller.username });
        if (outcome === 'session-ended') this.#notifyEnded(toRevocation(caller));
        return;
      } catch {
        await delay(RECHECK_DELAY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

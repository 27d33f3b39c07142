import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { unauthorized } from '../../http/errors.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { FeedListener } from '../../upstream/feed/listener.ts';
import { followChanges } from '../../upstream/feed/feed.ts';
import { createAccessRecordLoader } from './access-record-loader.ts';
import type { Caller, Revocation } from '../../http/caller.ts';
import { createAccessRecordCache } from './access-record-cache.ts';
import { accessRecordIds, parseAccessRecord, evaluateAccess, type AccessRecord } from './access-records.ts';
import {
  sessionDocumentId,
  parseSessionDocumentId,
  parseSuspensionDocumentId,
  suspensionDocumentId,
  toSessionDocument,
} from '../sessions/document.ts';
import type { Session } from '../sessions/state.ts';
import { createActiveCallers, toEnded, type ActiveCaller } from './active-callers.ts';

/** Whether callers' rights are still good, and news when they end before their time. */
export interface AccessMonitor {
  /**
   * Rejects with 401 when the token or its session is over or the account is suspended, with 502 or 503 when that
   * cannot be found out. Register a live request's waiter before this is called, or an end in between is missed.
   */
  assertActive(caller: Caller): Promise<void>;
  /** Calls `listener` as soon as a session or an account's rights end; it must not throw. Returns the way to stop. */
  onEnded(listener: (ended: Revocation) => void): () => void;
  /** Takes the state of a session that this process has just stored, without waiting for the feed to bring it. */
  recordSession(session: Session): void;
  /** The same of a suspension, made or taken back. */
  recordSuspension(username: Username, isSuspended: boolean): void;
  /** Whether news arrive. */
  readonly connected: boolean;
  /** Resolves as soon as news arrive; never when that does not happen before `close`. */
  whenConnected(): Promise<void>;
  close(): void;
}

export interface AccessMonitorOptions {
  readonly couch: ServerScope;
  readonly access: UpstreamAccess;
  readonly database: string;
  /** The time in ms. */
  readonly now: () => number;
  readonly feedListener?: FeedListener | undefined;
  /** As followChanges has it, in ms. */
  readonly heartbeatMs?: number | undefined;
  /** Bounds, for tests to lower. */
  readonly limits?: { readonly records: number; readonly callers: number };
}

/** In ms: how long a fact is believed while no news arrive. */
const MAX_AGE_WHILE_DISCONNECTED_MS = 5_000;
/** In ms: until a failed second look is tried again. */
const RECHECK_DELAY_MS = 500;

export function createAccessMonitor(options: AccessMonitorOptions): AccessMonitor {
  const { couch, access, database, now, feedListener, limits = { records: 100_000, callers: 100_000 } } = options;
  const listeners = new Set<(ended: Revocation) => void>();
  let connectionWaiters: (() => void)[] = [];
  const abortController = new AbortController();
  // As many wait on it as there are second looks that failed; that is no leak.
  setMaxListeners(0, abortController.signal);
  let connectionEpoch = 0;

  const cache = createAccessRecordCache({
    read: createAccessRecordLoader(couch, database),
    maxEntries: limits.records,
    maxAgeMs: () => (feed.connected ? Infinity : MAX_AGE_WHILE_DISCONNECTED_MS),
    now,
  });
  const notifyEnded = (ended: Revocation): void => {
    watched.remove(ended);
    for (const listener of [...listeners]) listener(ended);
  };
  const watched = createActiveCallers(limits.callers, now, notifyEnded);

  const applyRecord = (id: string, record: AccessRecord): void => {
    cache.set(id, record);
    const sessionId = parseSessionDocumentId(id);
    const username = parseSuspensionDocumentId(id);
    if (record.kind === 'ended' && sessionId !== undefined) notifyEnded({ kind: 'session', sessionId });
    if (record.kind === 'suspended' && username !== undefined) notifyEnded({ kind: 'account', username });
  };

  /** Looks at one right in use, until that succeeds or a later round does it. */
  const recheck = async (caller: ActiveCaller, epoch: number): Promise<void> => {
    while (epoch === connectionEpoch && !abortController.signal.aborted) {
      try {
        const outcome = evaluateAccess(caller, await cache.get(accessRecordIds(caller)), now());
        if (outcome === 'suspended') notifyEnded({ kind: 'account', username: caller.username });
        if (outcome === 'session-over') notifyEnded(toEnded(caller));
        return;
      } catch {
        await delay(RECHECK_DELAY_MS, undefined, { signal: abortController.signal }).catch(() => undefined);
      }
    }
  };

  const feed = followChanges({
    access,
    database,
    includeDocs: true,
    ...(options.heartbeatMs === undefined ? {} : { heartbeat: options.heartbeatMs }),
    onConnect: () => {
      feedListener?.onConnect();
      cache.clear();
      connectionEpoch += 1;
      // What is in use may have ended while the feed was down.
      for (const caller of watched.all()) void recheck(caller, connectionEpoch);
      for (const resolve of connectionWaiters) resolve();
      connectionWaiters = [];
    },
    onDisconnect: (reason) => feedListener?.onDisconnect(reason),
    onActivity: () => feedListener?.onActivity(),
    onRow: (row) => {
      const fact = parseAccessRecord(row.id, row.deleted ? undefined : row.doc);
      if (parseSuspensionDocumentId(row.id) !== undefined) applyRecord(row.id, fact);
      // A session's document is only removed once the session is over.
      if (parseSessionDocumentId(row.id) !== undefined)
        applyRecord(row.id, fact.kind === 'absent' ? { kind: 'ended' } : fact);
    },
  });

  return {
    assertActive: async (caller) => {
      if (caller.expiresAt <= now()) throw unauthorized('The token is over.');
      // Before the facts are read: from here on the end of this right is looked for, and told.
      watched.add(caller);
      switch (evaluateAccess(caller, await cache.get(accessRecordIds(caller)), now())) {
        case 'good':
          return;
        case 'session-over':
          throw unauthorized('The session is over. Sign in again.');
        case 'suspended':
          throw unauthorized('The account is suspended.');
      }
    },
    onEnded: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    recordSession: (session) => {
      const id = sessionDocumentId(session.id);
      applyRecord(id, parseAccessRecord(id, toSessionDocument(session)));
    },
    recordSuspension: (username, isSuspended) => {
      applyRecord(suspensionDocumentId(username), { kind: isSuspended ? 'suspended' : 'absent' });
    },
    get connected() {
      return feed.connected;
    },
    whenConnected: () =>
      new Promise((resolve) => {
        if (feed.connected) resolve();
        else connectionWaiters.push(resolve);
      }),
    close: () => {
      abortController.abort();
      feed.close();
      listeners.clear();
    },
  };
}

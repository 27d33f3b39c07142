import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { unauthorized } from '../../http/errors.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { FeedListener } from '../../upstream/feed/listener.ts';
import { followChanges } from '../../upstream/feed/feed.ts';
import { createBatchedFacts } from './access-record-loader.ts';
import type { Caller, Ended } from '../../http/caller.ts';
import { createFactCache } from './access-record-cache.ts';
import { factIds, factOf, judge, type Fact } from './access-records.ts';
import { sessionDocumentId, sessionIdOf, suspendedBy, suspensionId, toDocument } from '../sessions/document.ts';
import type { Session } from '../sessions/state.ts';
import { createWatched, endedOf, type Watch } from './active-callers.ts';

/** Whether callers' rights are still good, and news when they end before their time. */
export interface Rights {
  /**
   * Rejects with 401 when the token or its session is over or the account is suspended, with 502 or 503 when that
   * cannot be found out. Register a live request's waiter before this is called, or an end in between is missed.
   */
  check(caller: Caller): Promise<void>;
  /** Calls `listener` as soon as a session or an account's rights end; it must not throw. Returns the way to stop. */
  onEnded(listener: (ended: Ended) => void): () => void;
  /** Takes the state of a session that this process has just stored, without waiting for the feed to bring it. */
  noteStored(session: Session): void;
  /** The same of a suspension, made or taken back. */
  noteSuspension(username: Username, isSuspended: boolean): void;
  /** Whether news arrive. */
  readonly up: boolean;
  /** Resolves as soon as news arrive; never when that does not happen before `close`. */
  whenUp(): Promise<void>;
  close(): void;
}

export interface RightsOptions {
  readonly couch: ServerScope;
  readonly access: UpstreamAccess;
  readonly database: string;
  /** The time in ms. */
  readonly now: () => number;
  readonly feedListener?: FeedListener | undefined;
  /** As followChanges has it, in ms. */
  readonly heartbeat?: number | undefined;
  /** Bounds, for tests to lower. */
  readonly limits?: { readonly facts: number; readonly watched: number };
}

/** In ms: how long a fact is believed while no news arrive. */
const BELIEF_WITHOUT_NEWS = 5_000;
/** In ms: until a failed second look is tried again. */
const SECOND_LOOK_PAUSE = 500;

export function createRights(options: RightsOptions): Rights {
  const { couch, access, database, now, feedListener, limits = { facts: 100_000, watched: 100_000 } } = options;
  const listeners = new Set<(ended: Ended) => void>();
  let waitingForNews: (() => void)[] = [];
  const closing = new AbortController();
  // As many wait on it as there are second looks that failed; that is no leak.
  setMaxListeners(0, closing.signal);
  let timesUp = 0;

  const cache = createFactCache({
    read: createBatchedFacts(couch, database),
    limit: limits.facts,
    maxAge: () => (feed.up ? Infinity : BELIEF_WITHOUT_NEWS),
    now,
  });
  const tell = (ended: Ended): void => {
    watched.remove(ended);
    for (const listener of [...listeners]) listener(ended);
  };
  const watched = createWatched(limits.watched, now, tell);

  const note = (id: string, fact: Fact): void => {
    cache.note(id, fact);
    const sessionId = sessionIdOf(id);
    const username = suspendedBy(id);
    if (fact.kind === 'ended' && sessionId !== undefined) tell({ kind: 'session', sessionId });
    if (fact.kind === 'suspended' && username !== undefined) tell({ kind: 'account', username });
  };

  /** Looks at one right in use, until that succeeds or a later round does it. */
  const lookAt = async (caller: Watch, round: number): Promise<void> => {
    while (round === timesUp && !closing.signal.aborted) {
      try {
        const verdict = judge(caller, await cache.get(factIds(caller)), now());
        if (verdict === 'suspended') tell({ kind: 'account', username: caller.username });
        if (verdict === 'session-over') tell(endedOf(caller));
        return;
      } catch {
        await delay(SECOND_LOOK_PAUSE, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  };

  const feed = followChanges({
    access,
    database,
    includeDocs: true,
    ...(options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat }),
    onUp: () => {
      feedListener?.onUp();
      cache.clear();
      timesUp += 1;
      // What is in use may have ended while the feed was down.
      for (const caller of watched.all()) void lookAt(caller, timesUp);
      for (const resolve of waitingForNews) resolve();
      waitingForNews = [];
    },
    onDown: (reason) => feedListener?.onDown(reason),
    onHeard: () => feedListener?.onHeard(),
    onRow: (row) => {
      const fact = factOf(row.id, row.deleted ? undefined : row.doc);
      if (suspendedBy(row.id) !== undefined) note(row.id, fact);
      // A session's document is only removed once the session is over.
      if (sessionIdOf(row.id) !== undefined) note(row.id, fact.kind === 'absent' ? { kind: 'ended' } : fact);
    },
  });

  return {
    check: async (caller) => {
      if (caller.expiresAt <= now()) throw unauthorized('The token is over.');
      // Before the facts are read: from here on the end of this right is looked for, and told.
      watched.add(caller);
      switch (judge(caller, await cache.get(factIds(caller)), now())) {
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
    noteStored: (session) => {
      const id = sessionDocumentId(session.id);
      note(id, factOf(id, toDocument(session)));
    },
    noteSuspension: (username, isSuspended) => {
      note(suspensionId(username), { kind: isSuspended ? 'suspended' : 'absent' });
    },
    get up() {
      return feed.up;
    },
    whenUp: () =>
      new Promise((resolve) => {
        if (feed.up) resolve();
        else waitingForNews.push(resolve);
      }),
    close: () => {
      closing.abort();
      feed.close();
      listeners.clear();
    },
  };
}

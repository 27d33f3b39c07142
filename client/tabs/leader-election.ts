/**
 * Elects the tab that syncs: the one that holds a lock. A tab releases the lock when its page is frozen, since a frozen page
 * keeps its locks but runs no code, and when its page is unloaded or enters the back/forward cache. That also aborts its
 * requests. WebKit would report each request that it has to abort itself as an error on the console. A leader that hangs, or is frozen without an event, is detected by a visible tab. That
 * tab requests heartbeats from the leader, and steals the lock when none arrive.
 */
import type { Environment } from '../platform/environment.ts';

export interface LeaderElectionOptions {
  /** The name of the database. The lock is named after it. */
  readonly name: string;
  readonly environment: Pick<Environment, 'locks' | 'listen' | 'isVisible'>;
  /** The interval of heartbeat requests in milliseconds. */
  readonly intervalMs: number;
  /** Requests a sign of life from the leader, which may be this tab. */
  readonly requestHeartbeat: () => void;
  /** Runs while this tab is the leader, until the signal is aborted. */
  readonly onLeader: (signal: AbortSignal) => Promise<void>;
}

export interface LeaderElection {
  /** Call it when the leader has given a sign of life. */
  readonly onLeaderActivity: () => void;
  /** Resolves when this tab is not the leader any more, after the stop signal. */
  readonly whenStopped: () => Promise<void>;
}

/** A visible tab steals the lock when the leader misses more heartbeats than this. */
const MAX_MISSED_HEARTBEATS = 2;

export function electLeader(
  { name, environment, intervalMs, requestHeartbeat, onLeader }: LeaderElectionOptions,
  stopSignal: AbortSignal,
): LeaderElection {
  let missedHeartbeats = 0;
  let isFrozen = false;
  let candidacy = new AbortController();

  const acquireLeadership = async (): Promise<void> => {
    while (!stopSignal.aborted && !isFrozen) {
      candidacy = new AbortController();
      const signal = AbortSignal.any([stopSignal, candidacy.signal]);
      const steal = missedHeartbeats > MAX_MISSED_HEARTBEATS;
      missedHeartbeats = 0;
      // Rejects when the lock was stolen from this tab, or the request was withdrawn.
      await environment.locks
        .request(`${name}:leader`, steal ? { steal } : { signal }, () => onLeader(signal))
        .catch(() => candidacy.abort());
    }
  };
  let leadership = acquireLeadership();

  const stopFreezeListener = environment.listen('freeze resume pagehide pageshow', ({ type }) => {
    isFrozen = type === 'freeze' || type === 'pagehide';
    if (isFrozen) candidacy.abort();
    else leadership = leadership.then(acquireLeadership);
  });
  const timer = setInterval(() => {
    missedHeartbeats = environment.isVisible() ? missedHeartbeats + 1 : 0;
    if (missedHeartbeats > MAX_MISSED_HEARTBEATS) candidacy.abort();
    else if (missedHeartbeats > 0) requestHeartbeat();
  }, intervalMs);
  stopSignal.addEventListener('abort', () => {
    clearInterval(timer);
    stopFreezeListener();
  });

  return {
    onLeaderActivity: () => {
      missedHeartbeats = 0;
    },
    whenStopped: () => leadership,
  };
}

/**
 * Elects the tab that syncs: the one that holds a lock. A tab releases the lock when its page is frozen, since a frozen page
 * keeps its locks but runs no code, and when its page is unloaded or enters the back/forward cache. That also aborts its
 * requests: otherwise WebKit aborts them, and reports an error on the console for each. A leader that hangs, or
 * is frozen without an event, is detected by a visible tab. That tab requests heartbeats from the leader, and steals the lock
 * when none arrive. A tab that shares nothing with the others syncs on its own, without the lock.
 */
import type { Environment } from '../platform/environment.ts';
import { createPace } from '../platform/pace.ts';

export interface LeaderElectionOptions {
  /** The name of the database. The lock is named after it. */
  readonly name: string;
  readonly environment: Pick<Environment, 'locks' | 'listen' | 'isVisible'>;
  /** The interval of heartbeat requests in milliseconds. */
  readonly intervalMs: number;
  /** Requests a sign of life from the leader, which may be this tab. */
  readonly requestHeartbeat: () => void;
  /** Whether this tab must sync on its own, whichever tab is the leader. Call `restart` when it changes. */
  readonly isAlone: () => boolean;
  /** Runs while this tab is the leader, until the signal is aborted. */
  readonly onLeader: (signal: AbortSignal) => Promise<void>;
}

export interface LeaderElection {
  /** Call it when the leader has given a sign of life. */
  readonly onLeaderActivity: () => void;
  /** Ends this tab's leadership or candidacy, and starts another one. */
  readonly restart: () => void;
  /** Resolves when this tab is not the leader any more, after the stop signal. */
  readonly whenStopped: () => Promise<void>;
}

/** A visible tab steals the lock when the leader misses more heartbeats than this. */
const MAX_MISSED_HEARTBEATS = 2;

/** More than users cause by closing and opening tabs. A lock that fails immediately must not be requested in a loop. */
const MAX_ELECTIONS_PER_SECOND = 3;

export function electLeader(
  { name, environment, intervalMs, requestHeartbeat, isAlone, onLeader }: LeaderElectionOptions,
  stopSignal: AbortSignal,
): LeaderElection {
  let missedHeartbeats = 0;
  let isFrozen = false;
  let candidacy = new AbortController();
  const pace = createPace(MAX_ELECTIONS_PER_SECOND, 1_000);

  const lead = async (signal: AbortSignal): Promise<void> => {
    const steal = missedHeartbeats > MAX_MISSED_HEARTBEATS;
    missedHeartbeats = 0;
    const task = (): Promise<void> => onLeader(signal);
    await (isAlone() ? task() : environment.locks.request(`${name}:leader`, steal ? { steal } : { signal }, task));
  };
  const acquireLeadership = async (): Promise<void> => {
    for (;;) {
      await pace(stopSignal);
      if (stopSignal.aborted || isFrozen) return;
      candidacy = new AbortController();
      // Rejects when the lock was stolen from this tab, or the request was withdrawn.
      await lead(candidacy.signal).catch(() => candidacy.abort());
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
    candidacy.abort();
    clearInterval(timer);
    stopFreezeListener();
  });

  return {
    onLeaderActivity: () => {
      missedHeartbeats = 0;
    },
    restart: () => candidacy.abort(),
    whenStopped: () => leadership,
  };
}

/**
 * Which tab syncs. The one that holds the lock does; it lets go when its page is frozen, since a frozen page can do
 * nothing and yet keeps what it holds. A page that hangs, or is frozen without a word, is found out by another one that
 * a person looks at: it asks again and again whether there is a leader, and when nobody answers takes the lock.
 */
import type { Environment } from '../platform/environment.ts';

export interface LeaderElectionOptions {
  readonly name: string;
  readonly environment: Pick<Environment, 'locks' | 'listen' | 'isVisible'>;
  /** Milliseconds between two questions whether there is a leader. It may stay silent for two of them. */
  readonly intervalMs: number;
  /** Asks the leader, which may be this tab, to say something. */
  readonly requestHeartbeat: () => void;
  /** Runs while this tab leads: until the signal. */
  readonly onLeader: (signal: AbortSignal) => Promise<void>;
}

export interface LeaderElection {
  /** The leader has said something. */
  readonly onLeaderActivity: () => void;
  /** Resolved when this tab has nothing more to do with it. */
  readonly whenStopped: () => Promise<void>;
}

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
      const steal = missedHeartbeats > 2;
      missedHeartbeats = 0;
      // Stolen, or given up while waiting for it: whoever leads is told, and nobody has to catch it.
      await environment.locks
        .request(`${name}:leader`, steal ? { steal } : { signal }, () => onLeader(signal))
        .catch(() => candidacy.abort());
    }
  };
  let leadership = acquireLeadership();

  const stopFreezeListener = environment.listen('freeze resume', ({ type }) => {
    isFrozen = type === 'freeze';
    if (isFrozen) candidacy.abort();
    else leadership = leadership.then(acquireLeadership);
  });
  const timer = setInterval(() => {
    missedHeartbeats = environment.isVisible() ? missedHeartbeats + 1 : 0;
    if (missedHeartbeats > 2) candidacy.abort();
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

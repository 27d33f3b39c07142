import type { Caller, Ended } from '../../http/caller.ts';

/** What is known of a caller for as long as their right may be in use. */
export type Watch = Pick<Caller, 'username' | 'sessionId' | 'expiresAt'>;

/** The rights that may be in use by a live request: those checked since, until their tokens end. */
export interface Watched {
  add(caller: Watch): void;
  /** All whose tokens are not over. */
  all(): readonly Watch[];
  remove(ended: Ended): void;
}

/**
 * `onCrowded` hears of a session or account that is dropped since there are more than `limit`: its live requests then
 * have to end, or they might outlive their right unseen.
 */
export function createWatched(limit: number, now: () => number, onCrowded: (ended: Ended) => void): Watched {
  const watched = new Map<string, Watch>();
  let nextSweep = limit / 2;

  const keyOf = ({ username, sessionId }: Watch): string => sessionId ?? `@${username}`;
  const sweep = (): void => {
    for (const [key, watch] of watched) if (watch.expiresAt <= now()) watched.delete(key);
  };

  return {
    add: (caller) => {
      const { username, sessionId, expiresAt } = caller;
      const key = keyOf(caller);
      const until = Math.max(expiresAt, watched.get(key)?.expiresAt ?? 0);
      watched.delete(key);
      watched.set(key, { username, sessionId, expiresAt: until });
      if (watched.size <= nextSweep) return;
      sweep();
      nextSweep = Math.min(limit, Math.max(watched.size * 2, limit / 2));
      for (const [oldest, watch] of watched) {
        if (watched.size <= limit) break;
        watched.delete(oldest);
        onCrowded(endedOf(watch));
      }
    },
    all: () => {
      sweep();
      return [...watched.values()];
    },
    remove: (ended) => {
      if (ended.kind === 'session') watched.delete(ended.sessionId);
      else for (const [key, watch] of watched) if (watch.username === ended.username) watched.delete(key);
    },
  };
}

/** What ends when a watched right does: its session, or for a token without one the account's every right. */
export const endedOf = ({ username, sessionId }: Watch): Ended =>
  sessionId === undefined ? { kind: 'account', username } : { kind: 'session', sessionId };

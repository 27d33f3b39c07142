import type { Caller, Revocation } from '../../http/caller.ts';

/** What is known of a caller for as long as their right may be in use. */
export type ActiveCaller = Pick<Caller, 'username' | 'sessionId' | 'expiresAt'>;

/** The rights that may be in use by a live request: those checked since, until their tokens end. */
export interface ActiveCallers {
  add(caller: ActiveCaller): void;
  /** All whose tokens are not over. */
  all(): readonly ActiveCaller[];
  remove(ended: Revocation): void;
}

/**
 * `onCrowded` hears of a session or account that is dropped since there are more than `limit`: its live requests then
 * have to end, or they might outlive their right unseen.
 */
export function createActiveCallers(
  maxCallers: number,
  now: () => number,
  onEvicted: (ended: Revocation) => void,
): ActiveCallers {
  const callers = new Map<string, ActiveCaller>();
  let nextSweepSize = maxCallers / 2;

  const keyOf = ({ username, sessionId }: ActiveCaller): string => sessionId ?? `@${username}`;
  const removeExpired = (): void => {
    for (const [key, watch] of callers) if (watch.expiresAt <= now()) callers.delete(key);
  };

  return {
    add: (caller) => {
      const { username, sessionId, expiresAt } = caller;
      const key = keyOf(caller);
      const latestExpiry = Math.max(expiresAt, callers.get(key)?.expiresAt ?? 0);
      callers.delete(key);
      callers.set(key, { username, sessionId, expiresAt: latestExpiry });
      if (callers.size <= nextSweepSize) return;
      removeExpired();
      nextSweepSize = Math.min(maxCallers, Math.max(callers.size * 2, maxCallers / 2));
      for (const [oldest, watch] of callers) {
        if (callers.size <= maxCallers) break;
        callers.delete(oldest);
        onEvicted(toEnded(watch));
      }
    },
    all: () => {
      removeExpired();
      return [...callers.values()];
    },
    remove: (ended) => {
      if (ended.kind === 'session') callers.delete(ended.sessionId);
      else for (const [key, watch] of callers) if (watch.username === ended.username) callers.delete(key);
    },
  };
}

/** What ends when a watched right does: its session, or for a token without one the account's every right. */
export const toEnded = ({ username, sessionId }: ActiveCaller): Revocation =>
  sessionId === undefined ? { kind: 'account', username } : { kind: 'session', sessionId };

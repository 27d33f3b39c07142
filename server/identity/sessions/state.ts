import type { Username } from '../../../couchdb-design/user-document/user-document.ts';

/** Why a session ended before it expired. */
export type EndReason = 'sign-out' | 'user' | 'operator' | 'suspension' | 'reuse' | 'too-many';

/** One signed-in device. Times in ms since 1970. */
export interface Session {
  readonly id: string;
  readonly username: Username;
  readonly device: string;
  readonly createdAt: number;
  /** When the refresh token was last exchanged for the next one. */
  readonly refreshedAt: number;
  readonly expiresAt: number;
  /** The number of the newest refresh token. The previous token is valid only within the repeat window. */
  readonly generation: number;
  readonly ended: { readonly at: number; readonly by: EndReason } | undefined;
}

const DAY_MS = 24 * 60 * 60_000;

/** In ms. A session expires after 30 days without a refresh, and after 90 days in any case. */
export const SESSION_LIFETIME_MS = { sliding: 30 * DAY_MS, absolute: 90 * DAY_MS } as const;

/**
 * How long after a rotation the previous token still yields the same successor, in ms. Two tabs that refresh at once, or a lost
 * response, are not token theft.
 */
export const REPEAT_WINDOW_MS = 60_000;

/** Returns a new active session of generation 1. `now` is in ms since 1970. */
export const newSession = (id: string, username: Username, device: string, now: number): Session => ({
  id,
  username,
  device,
  createdAt: now,
  refreshedAt: now,
  expiresAt: now + SESSION_LIFETIME_MS.sliding,
  generation: 1,
  ended: undefined,
});

/** Whether a session has neither ended nor expired. */
export const isActive = (session: Session, now: number): boolean =>
  session.ended === undefined && now < session.expiresAt;

/** Ends a session. An ended session keeps its first reason. */
export const endSession = (session: Session, by: EndReason, now: number): Session => ({
  ...session,
  ended: session.ended ?? { at: now, by },
});

/** The outcome for a refresh token. `session` is the state to store before the response is sent. */
export type RefreshDecision =
  | { readonly kind: 'rotate'; readonly session: Session }
  /** Send the current successor again; there is nothing to store. */
  | { readonly kind: 'repeat' }
  /** A token was reused after its successor: two parties hold it, and one of them may have stolen it. */
  | { readonly kind: 'end'; readonly session: Session }
  | { readonly kind: 'refuse' };

/**
 * Decides about a refresh token whose signature was verified (RFC 9700, 4.14.2).
 *
 * A generation ahead of the session's is one that the database has lost, by a restored backup or a lagging replica. The session
 * then continues from that generation.
 */
export function decideRefresh(session: Session, generation: number, now: number): RefreshDecision {
  if (!isActive(session, now)) return { kind: 'refuse' };
  if (generation >= session.generation) {
    const expiresAt = Math.min(now + SESSION_LIFETIME_MS.sliding, session.createdAt + SESSION_LIFETIME_MS.absolute);
    return { kind: 'rotate', session: { ...session, refreshedAt: now, expiresAt, generation: generation + 1 } };
  }
  if (generation === session.generation - 1 && now - session.refreshedAt <= REPEAT_WINDOW_MS) return { kind: 'repeat' };
  return { kind: 'end', session: endSession(session, 'reuse', now) };
}

/** How many sessions of one user are kept. Ended ones are kept for operators to inspect. */
const RETENTION = { maxActive: 50, maxEnded: 20, endedForMs: 7 * DAY_MS } as const;

/** Returns which of one user's sessions to end, because there are too many, and which ended ones to remove. */
export function planCleanup(sessions: readonly Session[], now: number): { end: Session[]; remove: Session[] } {
  const newestFirst = sessions.toSorted((a, b) => b.refreshedAt - a.refreshedAt);
  const active = newestFirst.filter((session) => isActive(session, now));
  const ended = newestFirst.filter((session) => !isActive(session, now));
  const endedAt = (session: Session): number => session.ended?.at ?? session.expiresAt;
  return {
    end: active.slice(RETENTION.maxActive),
    remove: ended.filter(
      (session, index) => index >= RETENTION.maxEnded || now - endedAt(session) > RETENTION.endedForMs,
    ),
  };
}

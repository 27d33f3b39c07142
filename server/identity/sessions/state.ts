import type { Username } from '../../../couchdb-design/user-document/user-document.ts';

/** Why a session ended before its time. */
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
  /** Counts the refresh tokens: only the newest, and for a moment the one before it, are good. */
  readonly generation: number;
  readonly ended: { readonly at: number; readonly by: EndReason } | undefined;
}

const DAY_MS = 24 * 60 * 60_000;

/** In ms. A session that nobody uses for 30 days ends, and every session ends after 90. */
export const SESSION_LIFETIME_MS = { sliding: 30 * DAY_MS, absolute: 90 * DAY_MS } as const;

/**
 * How long after a rotation the token before is answered with the same successor, in ms. Two tabs that refresh at once,
 * and an answer that was lost on its way, are nobody's theft.
 */
export const REPEAT_WINDOW_MS = 60_000;

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

export const isActive = (session: Session, now: number): boolean =>
  session.ended === undefined && now < session.expiresAt;

/** Ended once is ended: the first reason stays. */
export const endSession = (session: Session, by: EndReason, now: number): Session => ({
  ...session,
  ended: session.ended ?? { at: now, by },
});

/** What a refresh token is answered with. `session` is the state to be stored before anything is answered. */
export type RefreshDecision =
  | { readonly kind: 'rotate'; readonly session: Session }
  /** The answer that was already given, again; nothing to store. */
  | { readonly kind: 'repeat' }
  /** A token came back whose successor is in use: two parties hold it, and one of them is a thief. */
  | { readonly kind: 'end'; readonly session: Session }
  | { readonly kind: 'refuse' };

/**
 * Decides about a refresh token of `generation` that we have issued (its signature says so); RFC 9700, 4.14.2.
 *
 * A generation ahead of the session's is one that the database has lost, to a restored backup or a copy that lags; the
 * session goes on after it.
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

/** How many sessions of one user are kept, and for how long after their end (ms), for an operator to look at. */
const RETENTION = { maxActive: 50, maxEnded: 20, endedForMs: 7 * DAY_MS } as const;

/** Which of one user's sessions are to be ended, since there are too many, and which to be forgotten. */
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

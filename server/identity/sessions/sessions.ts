import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { notFound, unauthorized } from '../../http/errors.ts';
import type { RefreshTokens } from './refresh-token.ts';
import { newSessionId } from './document.ts';
import { decideRefresh, endSession, isActive, newSession, planCleanup, type EndReason, type Session } from './state.ts';
import type { SessionStore } from './store.ts';

/** A session with the token that continues it. */
export interface SessionWithToken {
  readonly session: Session;
  readonly refreshToken: string;
}

/** Users' signed-in devices. Everything rejects with 502 or 503 when the database fails. */
export interface Sessions {
  /** Begins a session for someone who has proved who they are. */
  start(username: Username, device: string): Promise<SessionWithToken>;
  /** Exchanges a refresh token for the next one. Rejects with 401 when it is not, or no longer, good. */
  refresh(token: string): Promise<SessionWithToken>;
  /** The session of a refresh token, which stays as good as it was. Rejects with 401 when it is not, or no longer, good. */
  getByToken(token: string): Promise<Session>;
  /** Ends the session of a refresh token of any generation; does nothing for a token that is not ours. */
  signOut(token: string): Promise<void>;
  /** One user's live sessions, the last used first. */
  list(username: Username): Promise<Session[]>;
  /** Ends one session of this user's. Rejects with the same 404 whether it is another's or does not exist. */
  end(username: Username, sessionId: string): Promise<void>;
  /** Ends all sessions of this user's but `except`. */
  endAll(username: Username, by: EndReason, except?: string): Promise<void>;
}

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly refreshTokens: RefreshTokens;
  /** The time in ms. */
  readonly now: () => number;
}

/** What is forgotten at a time: enough to keep up, little enough not to be felt. */
const MAX_REMOVALS_PER_CLEANUP = 50;

/** One answer for every token that is no good: which way it is bad is nobody's business. */
const sessionExpired = () => unauthorized('The session is over. Sign in again.');

export function createSessions({ store, refreshTokens, now }: SessionsOptions): Sessions {
  const withRefreshToken = (session: Session): SessionWithToken => ({
    session,
    refreshToken: refreshTokens.issue({ sessionId: session.id, generation: session.generation }),
  });

  /** Ends a live session; whether it was one of `username`'s. */
  const endIfActive = async (username: Username, sessionId: string, by: EndReason): Promise<boolean> => {
    const wasEnded = await store.update(sessionId, (session) =>
      session.username === username && isActive(session, now())
        ? { result: true, newState: endSession(session, by, now()) }
        : { result: false },
    );
    return wasEnded ?? false;
  };

  /** Keeps one user's sessions few. */
  const cleanUp = async (all: readonly Session[]): Promise<void> => {
    const { end, remove } = planCleanup(all, now());
    for (const session of end) await endIfActive(session.username, session.id, 'too-many');
    await store.remove(remove.slice(0, MAX_REMOVALS_PER_CLEANUP));
  };

  return {
    start: async (username, device) => {
      const session = newSession(newSessionId(username), username, device, now());
      await store.create(session);
      await cleanUp(await store.listByUser(username));
      return withRefreshToken(session);
    },

    refresh: async (token) => {
      const parts = refreshTokens.verify(token);
      if (parts === undefined) throw sessionExpired();
      const good = await store.update<Session | undefined>(parts.sessionId, (session) => {
        const decision = decideRefresh(session, parts.generation, now());
        switch (decision.kind) {
          case 'rotate':
            return { result: decision.session, newState: decision.session };
          case 'repeat':
            return { result: session };
          case 'end':
            return { result: undefined, newState: decision.session };
          case 'refuse':
            return { result: undefined };
        }
      });
      if (good === undefined) throw sessionExpired();
      return withRefreshToken(good);
    },

    getByToken: async (token) => {
      const parts = refreshTokens.verify(token);
      if (parts === undefined) throw sessionExpired();
      const good = await store.update(parts.sessionId, (session) => {
        const { kind } = decideRefresh(session, parts.generation, now());
        return { result: kind === 'rotate' || kind === 'repeat' ? session : undefined };
      });
      if (good === undefined) throw sessionExpired();
      return good;
    },

    signOut: async (token) => {
      const parts = refreshTokens.verify(token);
      if (parts === undefined) return;
      await store.update(parts.sessionId, (session) =>
        isActive(session, now())
          ? { result: undefined, newState: endSession(session, 'sign-out', now()) }
          : { result: undefined },
      );
    },

    list: async (username) => {
      const all = await store.listByUser(username);
      await cleanUp(all);
      return all
        .filter((session) => isActive(session, now()))
        .toSorted((a, b) => b.refreshedAt - a.refreshedAt || (a.id < b.id ? -1 : 1));
    },

    end: async (username, sessionId) => {
      if (!(await endIfActive(username, sessionId, 'user'))) throw notFound();
    },

    endAll: async (username, by, except) => {
      const alive = (await store.listByUser(username)).filter(
        (session) => isActive(session, now()) && session.id !== except,
      );
      for (const session of alive) await endIfActive(username, session.id, by);
    },
  };
}

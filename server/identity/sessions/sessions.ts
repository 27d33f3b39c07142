import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { missing, unauthorized } from '../../http/errors.ts';
import type { RefreshTokens } from './refresh-token.ts';
import { newSessionId } from './document.ts';
import { decideRefresh, endSession, isAlive, newSession, tidy, type EndedBy, type Session } from './state.ts';
import type { SessionStore } from './store.ts';

/** A session with the token that continues it. */
export interface Continued {
  readonly session: Session;
  readonly refreshToken: string;
}

/** Users' signed-in devices. Everything rejects with 502 or 503 when the database fails. */
export interface Sessions {
  /** Begins a session for someone who has proved who they are. */
  start(username: Username, device: string): Promise<Continued>;
  /** Exchanges a refresh token for the next one. Rejects with 401 when it is not, or no longer, good. */
  refresh(token: string): Promise<Continued>;
  /** The session of a refresh token, which stays as good as it was. Rejects with 401 when it is not, or no longer, good. */
  ofToken(token: string): Promise<Session>;
  /** Ends the session of a refresh token of any generation; does nothing for a token that is not ours. */
  signOut(token: string): Promise<void>;
  /** One user's live sessions, the last used first. */
  list(username: Username): Promise<Session[]>;
  /** Ends one session of this user's. Rejects with the same 404 whether it is another's or does not exist. */
  end(username: Username, sessionId: string): Promise<void>;
  /** Ends all sessions of this user's but `except`. */
  endAll(username: Username, by: EndedBy, except?: string): Promise<void>;
}

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly refreshTokens: RefreshTokens;
  /** The time in ms. */
  readonly now: () => number;
}

/** What is forgotten at a time: enough to keep up, little enough not to be felt. */
const FORGET_AT_ONCE = 50;

/** One answer for every token that is no good: which way it is bad is nobody's business. */
const refused = () => unauthorized('The session is over. Sign in again.');

export function createSessions({ store, refreshTokens, now }: SessionsOptions): Sessions {
  const continued = (session: Session): Continued => ({
    session,
    refreshToken: refreshTokens.issue({ sessionId: session.id, generation: session.generation }),
  });

  /** Ends a live session; whether it was one of `username`'s. */
  const endOne = async (username: Username, sessionId: string, by: EndedBy): Promise<boolean> => {
    const found = await store.update(sessionId, (session) =>
      session.username === username && isAlive(session, now())
        ? { answer: true, store: endSession(session, by, now()) }
        : { answer: false },
    );
    return found ?? false;
  };

  /** Keeps one user's sessions few. */
  const tidyUp = async (all: readonly Session[]): Promise<void> => {
    const { end, forget } = tidy(all, now());
    for (const session of end) await endOne(session.username, session.id, 'too-many');
    await store.forget(forget.slice(0, FORGET_AT_ONCE));
  };

  return {
    start: async (username, device) => {
      const session = newSession(newSessionId(username), username, device, now());
      await store.create(session);
      await tidyUp(await store.ofUser(username));
      return continued(session);
    },

    refresh: async (token) => {
      const parts = refreshTokens.read(token);
      if (parts === undefined) throw refused();
      const good = await store.update<Session | undefined>(parts.sessionId, (session) => {
        const decision = decideRefresh(session, parts.generation, now());
        switch (decision.kind) {
          case 'rotate':
            return { answer: decision.session, store: decision.session };
          case 'repeat':
            return { answer: session };
          case 'end':
            return { answer: undefined, store: decision.session };
          case 'refuse':
            return { answer: undefined };
        }
      });
      if (good === undefined) throw refused();
      return continued(good);
    },

    ofToken: async (token) => {
      const parts = refreshTokens.read(token);
      if (parts === undefined) throw refused();
      const good = await store.update(parts.sessionId, (session) => {
        const { kind } = decideRefresh(session, parts.generation, now());
        return { answer: kind === 'rotate' || kind === 'repeat' ? session : undefined };
      });
      if (good === undefined) throw refused();
      return good;
    },

    signOut: async (token) => {
      const parts = refreshTokens.read(token);
      if (parts === undefined) return;
      await store.update(parts.sessionId, (session) =>
        isAlive(session, now())
          ? { answer: undefined, store: endSession(session, 'sign-out', now()) }
          : { answer: undefined },
      );
    },

    list: async (username) => {
      const all = await store.ofUser(username);
      await tidyUp(all);
      return all
        .filter((session) => isAlive(session, now()))
        .toSorted((a, b) => b.refreshedAt - a.refreshedAt || (a.id < b.id ? -1 : 1));
    },

    end: async (username, sessionId) => {
      if (!(await endOne(username, sessionId, 'user'))) throw missing();
    },

    endAll: async (username, by, except) => {
      const alive = (await store.ofUser(username)).filter(
        (session) => isAlive(session, now()) && session.id !== except,
      );
      for (const session of alive) await endOne(username, session.id, by);
    },
  };
}

import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { notFound } from '../../http/errors.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { RefreshTokens } from './refresh-token.ts';
import { newSessionId } from './document.ts';
import { decideRefresh, endSession, isActive, newSession, planCleanup, type EndReason, type Session } from './state.ts';
import type { SessionStore } from './store.ts';

/** A session with its newest refresh token. */
export interface SessionWithToken {
  readonly session: Session;
  readonly refreshToken: string;
}

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly refreshTokens: RefreshTokens;
  /** The time in ms. */
  readonly now: () => number;
}

/** How many ended sessions one cleanup removes, which bounds its cost. */
const MAX_REMOVALS_PER_CLEANUP = 50;

/** The same error for every invalid token: it does not reveal why the token is invalid. */
const sessionEnded = () => tokenRefusal('session-ended');

/** Users' signed-in devices. Every method rejects with 502 or 503 when the database fails. */
export class Sessions {
  readonly #store: SessionStore;
  readonly #refreshTokens: RefreshTokens;
  readonly #now: () => number;

  constructor({ store, refreshTokens, now }: SessionsOptions) {
    this.#store = store;
    this.#refreshTokens = refreshTokens;
    this.#now = now;
  }

  /** Starts a session for a user who has just authenticated. */
  async start(username: Username, device: string): Promise<SessionWithToken> {
    const session = newSession(newSessionId(username), username, device, this.#now());
    await this.#store.create(session);
    await this.#cleanUp(await this.#store.listByUser(username));
    return this.#withRefreshToken(session);
  }

  /** Exchanges a refresh token for its successor. Rejects with 401 when the token is not valid. */
  async refresh(token: string): Promise<SessionWithToken> {
    const parts = this.#refreshTokens.verify(token);
    if (parts === undefined) throw sessionEnded();
    const session = await this.#store.update<Session | undefined>(parts.sessionId, (stored) => {
      const decision = decideRefresh(stored, parts.generation, this.#now());
      switch (decision.kind) {
        case 'rotate':
          return { result: decision.session, newState: decision.session };
        case 'repeat':
          return { result: stored };
        case 'end':
          return { result: undefined, newState: decision.session };
        case 'refuse':
          return { result: undefined };
      }
    });
    if (session === undefined) throw sessionEnded();
    return this.#withRefreshToken(session);
  }

  /** Returns the session of a refresh token, which stays valid. Rejects with 401 when the token is not valid. */
  async getByToken(token: string): Promise<Session> {
    const parts = this.#refreshTokens.verify(token);
    if (parts === undefined) throw sessionEnded();
    const session = await this.#store.update(parts.sessionId, (stored) => {
      const { kind } = decideRefresh(stored, parts.generation, this.#now());
      return { result: kind === 'rotate' || kind === 'repeat' ? stored : undefined };
    });
    if (session === undefined) throw sessionEnded();
    return session;
  }

  /** Ends the session of a refresh token of any generation. Does nothing for a token that was not issued here. */
  async signOut(token: string): Promise<void> {
    const parts = this.#refreshTokens.verify(token);
    if (parts === undefined) return;
    await this.#store.update(parts.sessionId, (session) =>
      isActive(session, this.#now())
        ? { result: undefined, newState: endSession(session, 'sign-out', this.#now()) }
        : { result: undefined },
    );
  }

  /** Lists one user's active sessions, the most recently refreshed first. */
  async list(username: Username): Promise<Session[]> {
    const all = await this.#store.listByUser(username);
    await this.#cleanUp(all);
    return all
      .filter((session) => isActive(session, this.#now()))
      .toSorted((a, b) => b.refreshedAt - a.refreshedAt || (a.id < b.id ? -1 : 1));
  }

  /** Ends one of the user's sessions. Rejects with the same 404 for another user's session and for an unknown one. */
  async end(username: Username, sessionId: string): Promise<void> {
    if (!(await this.#endIfActive(username, sessionId, 'user'))) throw notFound();
  }

  /** Ends all of the user's sessions, except the one with the id `except`. */
  async endAll(username: Username, by: EndReason, except?: string): Promise<void> {
    const active = (await this.#store.listByUser(username)).filter(
      (session) => isActive(session, this.#now()) && session.id !== except,
    );
    for (const session of active) await this.#endIfActive(username, session.id, by);
  }

  #withRefreshToken(session: Session): SessionWithToken {
    const refreshToken = this.#refreshTokens.issue({ sessionId: session.id, generation: session.generation });
    return { session, refreshToken };
  }

  /** Ends an active session of `username`. Resolves with false when there is none. */
  async #endIfActive(username: Username, sessionId: string, by: EndReason): Promise<boolean> {
    const hasEnded = await this.#store.update(sessionId, (session) =>
      session.username === username && isActive(session, this.#now())
        ? { result: true, newState: endSession(session, by, this.#now()) }
        : { result: false },
    );
    return hasEnded ?? false;
  }

  /** Ends and removes one user's surplus sessions. */
  async #cleanUp(all: readonly Session[]): Promise<void> {
    const { end, remove } = planCleanup(all, this.#now());
    for (const session of end) await this.#endIfActive(session.username, session.id, 'too-many');
    await this.#store.remove(remove.slice(0, MAX_REMOVALS_PER_CLEANUP));
  }
}

/** Creates the sessions of a deployment. */
export const createSessions = (options: SessionsOptions): Sessions => new Sessions(options);

/**
 * The access token. It is kept in memory only. An HttpOnly cookie, which no script can read, is exchanged for a new one.
 * Only one refresh runs at a time across all tabs: the server rotates the cookie at every refresh and treats a cookie that
 * is used twice as stolen.
 */
import type { Session } from '../../../server/contract.ts';
import type { Locks } from '../../platform/web-locks.ts';
import type { Api } from './api.ts';

export interface Tokens {
  readonly setSession: (session: Session) => void;
  readonly clear: () => void;
  /**
   * Resolves with a token of `username`, or with undefined when that user must sign in again. `rejected` is a token that the
   * server no longer accepts. See GetToken of the library.
   */
  readonly get: (username: string, rejected?: string) => Promise<string | undefined>;
}

export function createTokens(api: Pick<Api, 'refresh'>, locks: Locks): Tokens {
  let currentSession: Session | undefined;
  let refreshing: Promise<Session | undefined> | undefined;

  const refresh = (): Promise<Session | undefined> => {
    refreshing ??= locks
      .request('pouchgate:refresh', api.refresh)
      .then((session) => (currentSession = session))
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  };

  return {
    setSession: (session) => {
      currentSession = session;
    },
    clear: () => {
      currentSession = undefined;
    },
    get: async (username, rejected) => {
      const session =
        currentSession === undefined || currentSession.accessToken === rejected ? await refresh() : currentSession;
      // Another user may have signed in during the refresh. A document must never be synced with another user's token.
      return session?.username === username ? session.accessToken : undefined;
    },
  };
}

/**
 * The access token. It is in memory only; what lasts is an HttpOnly cookie that no script can read, and that gives
 * another token when asked. That is asked once at a time, in all tabs together: the server changes the cookie at every
 * refresh, and takes one that is used twice for stolen.
 */
import type { Session } from '../../../server/contract.ts';
import type { Locks } from '../../platform/web-locks.ts';
import type { Api } from './api.ts';

export interface Tokens {
  readonly setSession: (session: Session) => void;
  readonly clear: () => void;
  /** See GetToken of the library: a token of `username`, or undefined when the person has to sign in again. */
  readonly get: (username: string, refused?: string) => Promise<string | undefined>;
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
    get: async (username, refused) => {
      const session =
        currentSession === undefined || currentSession.accessToken === refused ? await refresh() : currentSession;
      // One user's document must never be synced with another's token, whoever has signed in here meanwhile.
      return session?.username === username ? session.accessToken : undefined;
    },
  };
}

/** How the replication asks the server: with the token, which is renewed once when it is refused, and listening. */
import { fields, parseJson } from '../sync/json.ts';
import { fetchHeard, type Hearing } from './heard-response.ts';
import type { Tokens } from './tokens.ts';

export type { GetToken } from './tokens.ts';

export interface SyncFetchOptions extends Pick<Hearing, 'fetch' | 'silence'> {
  readonly tokens: Tokens;
  /** Ends every request of this run. */
  readonly signal: AbortSignal;
  /** Called whenever something came, of any request. */
  readonly onHeard: () => void;
  /** There is no token that the server takes. The request rejects too, but PouchDB swallows some. */
  readonly onSignInNeeded: () => void;
}

/** Asks, and reads the whole answer. `onText` is told of its body as far as it has come. Rejects as `fetch` does. */
export type Ask = (
  url: string | URL,
  init: RequestInit,
  onText: (text: string) => void,
) => ReturnType<typeof fetchHeard>;

export function createSyncFetch({ fetch, silence, tokens, signal, onHeard, onSignInNeeded }: SyncFetchOptions): Ask {
  const needSignIn = (): never => {
    onSignInNeeded();
    throw new Error('Sign in again to sync.');
  };

  return async (url, init, onText) => {
    const hearing: Hearing = {
      fetch,
      silence,
      onHeard: (text) => {
        onHeard();
        onText(text);
      },
    };
    const attempt = (token: string): ReturnType<typeof fetchHeard> => {
      const headers = new Headers(init.headers);
      headers.set('Authorization', `Bearer ${token}`);
      return fetchHeard(hearing, url, {
        ...init,
        headers,
        signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal,
        // The token is all that counts: no cookie goes along, and no redirect may carry the token elsewhere.
        credentials: 'omit',
        redirect: 'error',
        cache: 'no-store',
      });
    };

    const token = (await tokens.current()) ?? needSignIn();
    const first = await attempt(token);
    if (first.response.status !== 401) return first;
    const second = await attempt((await tokens.renew(token)) ?? needSignIn());
    // Where a network asks for a sign-in of its own, by a page, another token would not help.
    if (second.response.status === 401 && fields(parseJson(second.text))['error'] !== undefined) needSignIn();
    return second;
  };
}

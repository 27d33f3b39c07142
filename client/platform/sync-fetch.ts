/** The `fetch` that the replication uses: it adds the token, renews it once when it is refused, and listens in. */
import type { Exchange } from '../sync/observe.ts';
import { fetchHeard, type Hearing } from './heard-response.ts';

/**
 * Gives an access token of the store's own user. `refused` is a token that the server has just refused: give another.
 * Undefined when the person has to sign in again; rejects when the network fails, which is no reason to sign in.
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

export class SignInNeeded extends Error {
  constructor() {
    super('Sign in again to sync.');
    this.name = 'SignInNeeded';
  }
}

export interface SyncFetchOptions extends Hearing {
  readonly getToken: GetToken;
  /** Ends every request of this run. */
  readonly signal: AbortSignal;
  readonly onExchange: (exchange: Exchange) => void;
  /** There is no token that the server takes. The request rejects with SignInNeeded too, but PouchDB swallows some. */
  readonly onSignInNeeded: () => void;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export function createSyncFetch(options: SyncFetchOptions): typeof globalThis.fetch {
  const { getToken, signal, onExchange, onSignInNeeded } = options;

  const needSignIn = (): never => {
    onSignInNeeded();
    throw new SignInNeeded();
  };

  return async (input, init = {}) => {
    const signals = [signal, init.signal].filter((one) => one !== null && one !== undefined);
    const attempt = (token: string): ReturnType<typeof fetchHeard> => {
      const headers = new Headers(init.headers);
      headers.set('Authorization', `Bearer ${token}`);
      return fetchHeard(options, input, {
        ...init,
        headers,
        signal: AbortSignal.any(signals),
        // The token is all that counts: no cookie goes along, and no redirect may carry the token elsewhere.
        credentials: 'omit',
        redirect: 'error',
        cache: 'no-store',
      });
    };

    const token = (await getToken()) ?? needSignIn();
    let result = await attempt(token);
    if (result.response.status === 401) {
      result = await attempt((await getToken(token)) ?? needSignIn());
      if (result.response.status === 401) needSignIn();
    }
    if (result.response.ok) {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      onExchange({
        path: pathname,
        request: typeof init.body === 'string' ? parse(init.body) : undefined,
        answer: parse(result.text),
      });
    }
    return result.response;
  };
}

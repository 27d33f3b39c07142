/** Calls the application's `getToken`, which may throw, hang, or return what is no token. */
import { developmentLog } from '../development-log.ts';
import { ConnectionError } from './connection-error.ts';
import type { GetToken } from './token-source.ts';

/** Visible ASCII characters, as RFC 6750, 2.1 allows in a header. A value with the scheme, as in `Bearer x`, is no token. */
const TOKEN = /^[\x21-\x7e]+$/;

export interface TokenProvider {
  /** Rejects with a {@link ConnectionError}. Resolves with undefined if there is no token. */
  readonly getToken: GetToken;
  /** Whether a call has not settled yet. */
  readonly isPending: () => boolean;
}

/** Wraps `getToken`. It has no timeout of its own: the timeouts of requests include the wait for their token. */
export function createTokenProvider(getToken: GetToken): TokenProvider {
  let pending = 0;
  return {
    isPending: () => pending > 0,
    getToken: async (refused) => {
      pending += 1;
      let token: unknown;
      try {
        token = await getToken(refused);
      } catch (error) {
        developmentLog?.logTokenError(error);
        throw new ConnectionError('token-unavailable');
      } finally {
        pending -= 1;
      }
      // Storage returns null for a missing item.
      if (token === undefined || token === null) return undefined;
      if (typeof token !== 'string' || !TOKEN.test(token)) throw new ConnectionError('token-invalid-value');
      return token;
    },
  };
}

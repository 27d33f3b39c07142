/** Provides access tokens, and shares the renewal of a rejected token. */

/**
 * Returns an access token of the store's own user. It is called before every request, so cache the token. After a 401 it is
 * called with the rejected token and must return another one.
 *
 * @param refused - The token that the server has just rejected. Undefined for an ordinary request.
 * @returns The token, or `undefined` to require sign-in.
 * @throws Reject when the network fails. The store is then offline and retries, without requiring sign-in.
 * @example
 * ```ts
 * let token: string | undefined;
 * const getToken: GetToken = async (refused) => {
 *   if (token === undefined || token === refused) token = await fetchToken();
 *   return token;
 * };
 * ```
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

/**
 * Wraps `getToken` so that all requests whose token was rejected share one renewal, including those that are rejected after
 * the renewal is finished.
 */
export function createTokenSource(getToken: GetToken): GetToken {
  let lastRenewal: { readonly refused: string; readonly token: Promise<string | undefined> } | undefined;
  let isRenewing = false;

  const renew = async (rejectedToken: string): Promise<string | undefined> => {
    let token: string | undefined;
    isRenewing = true;
    try {
      token = await getToken(rejectedToken);
      return token;
    } finally {
      isRenewing = false;
      // A renewal that failed is not reused.
      if (token === undefined || token === rejectedToken) lastRenewal = undefined;
    }
  };

  return async (refused) => {
    const token = refused ?? (await getToken());
    if (lastRenewal) {
      // An application may return the rejected token until it has stored the new one.
      const wasRenewed = lastRenewal.refused === token;
      const isSharingRenewal = isRenewing && refused !== undefined;
      if (wasRenewed || isSharingRenewal) return lastRenewal.token;
    }
    if (refused === undefined) return token;
    lastRenewal = { refused, token: renew(refused) };
    return lastRenewal.token;
  };
}

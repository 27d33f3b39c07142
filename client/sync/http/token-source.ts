/**
 * Gives an access token of the store's own user. `refused` is a token that the server has just refused: give another.
 * Undefined when the person has to sign in again; rejects when the network fails, which is no reason to sign in.
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

/** The same, but with one renewal for all whose token was refused, also for those who hear of it when the renewal is done. */
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
      // What came to nothing is asked for again.
      if (token === undefined || token === rejectedToken) lastRenewal = undefined;
    }
  };

  return async (refused) => {
    const token = refused ?? (await getToken());
    // An app that gives what was refused has not heard of the new one yet.
    if (lastRenewal && (lastRenewal.refused === token || (isRenewing && refused !== undefined)))
      return lastRenewal.token;
    if (refused === undefined) return token;
    lastRenewal = { refused, token: renew(refused) };
    return lastRenewal.token;
  };
}

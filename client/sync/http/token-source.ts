/**
 * Gives an access token of the store's own user. `refused` is a token that the server has just refused: give another.
 * Undefined when the person has to sign in again; rejects when the network fails, which is no reason to sign in.
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

/** The same, but with one renewal for all whose token was refused, also for those who hear of it when the renewal is done. */
export function createTokens(getToken: GetToken): GetToken {
  let last: { readonly refused: string; readonly token: Promise<string | undefined> } | undefined;
  let isRenewing = false;

  const renew = async (refused: string): Promise<string | undefined> => {
    let token: string | undefined;
    isRenewing = true;
    try {
      token = await getToken(refused);
      return token;
    } finally {
      isRenewing = false;
      // What came to nothing is asked for again.
      if (token === undefined || token === refused) last = undefined;
    }
  };

  return async (refused) => {
    const token = refused ?? (await getToken());
    // An app that gives what was refused has not heard of the new one yet.
    if (last && (last.refused === token || (isRenewing && refused !== undefined))) return last.token;
    if (refused === undefined) return token;
    last = { refused, token: renew(refused) };
    return last.token;
  };
}

/**
 * Gives an access token of the store's own user. `refused` is a token that the server has just refused: give another.
 * Undefined when the person has to sign in again; rejects when the network fails, which is no reason to sign in.
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

/**
 * The same, but with one renewal for all whose token was refused, also for those who hear of it when the renewal is done.
 * `patience`: milliseconds after which a `getToken` that does not answer has failed.
 */
export function createTokens(getToken: GetToken, patience: number): GetToken {
  let last: { readonly refused: string; readonly token: Promise<string | undefined> } | undefined;
  let isRenewing = false;

  const ask = (refused?: string): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('No token came.')), patience);
      // Called in a promise: what it throws at once is a rejection too.
      Promise.resolve(refused)
        .then(getToken)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });

  const renew = (refused: string): Promise<string | undefined> => {
    const token = ask(refused);
    last = { refused, token };
    isRenewing = true;
    const done = (given?: string): void => {
      isRenewing = false;
      // What came to nothing is asked for again.
      if (given === undefined || given === refused) last = undefined;
    };
    token.then(done, () => done());
    return token;
  };

  return async (refused) => {
    const token = refused ?? (await ask());
    // An app that gives what was refused has not heard of the new one yet.
    if (last && (last.refused === token || (isRenewing && refused !== undefined))) return last.token;
    return refused === undefined ? token : renew(refused);
  };
}

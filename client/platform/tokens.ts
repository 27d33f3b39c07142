/**
 * Gives an access token of the store's own user. `refused` is a token that the server has just refused: give another.
 * Undefined when the person has to sign in again; rejects when the network fails, which is no reason to sign in.
 */
export type GetToken = (refused?: string) => Promise<string | undefined>;

/** The tokens of one store. Both give undefined when the person has to sign in, and reject when there is none for now. */
export interface Tokens {
  readonly current: () => Promise<string | undefined>;
  /** One renewal for all whose token was refused, also for those who hear of it when the renewal is done. */
  readonly renew: (refused: string) => Promise<string | undefined>;
}

interface Renewal {
  readonly refused: string;
  readonly token: Promise<string | undefined>;
}

/** `patience`: milliseconds after which a `getToken` that does not answer has failed. */
export function createTokens(getToken: GetToken, patience: number): Tokens {
  let last: Renewal | undefined;
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

  return {
    current: async () => {
      const token = await ask();
      // Whoever gives what was refused has not heard of the new one yet.
      return last?.refused === token ? (last?.token ?? token) : token;
    },
    renew: (refused) => {
      if (last !== undefined && (isRenewing || last.refused === refused)) return last.token;
      const renewal = { refused, token: ask(refused) };
      last = renewal;
      isRenewing = true;
      const done = (token?: string): void => {
        isRenewing = false;
        // What came to nothing is asked for again.
        if (token === undefined || token === refused) last = undefined;
      };
      renewal.token.then(done, () => done());
      return renewal.token;
    },
  };
}

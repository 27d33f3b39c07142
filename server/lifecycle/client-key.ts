import type { IncomingMessage } from 'node:http';

/**
 * Creates the function by which requests are queued in fair order: one key per user whose token was verified before, otherwise one
 * per address. So users behind one address (an office, a carrier) have shares of their own once they are known.
 *
 * @param usernameOf - Returns the user of an `Authorization` header whose token was verified lately.
 * @param addressOf - Returns the client's address.
 */
export function createClientKey(
  usernameOf: (authorization: string) => string | undefined,
  addressOf: (req: IncomingMessage) => string,
): (req: IncomingMessage) => string {
  return (req) => {
    const { authorization } = req.headers;
    const username = authorization === undefined ? undefined : usernameOf(authorization);
    return username === undefined ? `address ${addressOf(req)}` : `user ${username}`;
  };
}

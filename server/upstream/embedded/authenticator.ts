import type { IncomingMessage } from 'node:http';
import { HttpError } from '../../http/errors.ts';
import { ANONYMOUS, type Session } from './access.ts';
import type { AuthenticateBearer } from './bearer-auth.ts';
import { accountId, checkPassword, isEqualConstantTime } from './accounts.ts';
import { readDocument, type Json } from './pouchdb.ts';
import type { Storage } from './storage.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Finds out who asks. There are no session cookies here: who asks says so with every request. */
export interface Authenticator {
  /** By HTTP Basic or a JWT. Throws 401 or 400 for wrong credentials; none at all is nobody. */
  authenticateRequest(request: IncomingMessage): Promise<Session>;
  /** By name and password, as `POST /_session` has it. Throws 401. */
  authenticateCredentials(credentials: Credentials): Promise<Session>;
}

const invalidCredentials = (): HttpError => new HttpError(401, 'unauthorized', 'Name or password is incorrect.');

export function createAuthenticator(
  storage: Storage,
  admin: Credentials,
  authenticateBearer: AuthenticateBearer,
): Authenticator {
  const authenticateCredentials = async ({ username, password }: Credentials): Promise<Session> => {
    if (username === admin.username) {
      if (!isEqualConstantTime(password, admin.password)) throw invalidCredentials();
      return { name: admin.username, roles: ['_admin'] };
    }
    const users = await storage.open('_users');
    const document = users === undefined ? undefined : await readAccount(users.pouch, username);
    const account = await checkPassword(document, password);
    if (account?.name !== username) throw invalidCredentials();
    return account;
  };
  return {
    authenticateCredentials,
    async authenticateRequest(request) {
      const header = request.headers.authorization;
      if (header === undefined) return ANONYMOUS;
      return authenticateBearer(header) ?? (await authenticateCredentials(parseBasic(header)));
    },
  };
}

const readAccount = (pouch: Parameters<typeof readDocument>[0], username: string): Promise<Json | undefined> =>
  readDocument(pouch, accountId(username));

/** RFC 7617. A name has no colon; the password may have some. */
function parseBasic(header: string): Credentials {
  const [, encoded = ''] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header) ?? [];
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) throw invalidCredentials();
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

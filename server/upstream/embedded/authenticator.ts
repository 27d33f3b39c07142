import type { IncomingMessage } from 'node:http';
import { HttpError } from '../../http/errors.ts';
import { ANONYMOUS, type Session } from './access.ts';
import type { AuthenticateBearer } from './bearer-auth.ts';
import { accountId } from './accounts.ts';
import { isEqualConstantTime, type Passwords } from './passwords.ts';
import { readDocument, type Json } from './pouchdb.ts';
import type { Storage } from './storage.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Authenticates each request separately; there are no session cookies. */
export interface Authenticator {
  /** Checks HTTP Basic credentials or a JWT. Rejects with 401 or 400. Without credentials the session is anonymous. */
  authenticateRequest(request: IncomingMessage): Promise<Session>;
  /** Checks a name and a password, as for `POST /_session`. Rejects with 401. */
  authenticateCredentials(credentials: Credentials): Promise<Session>;
}

const invalidCredentials = (): HttpError => new HttpError(401, 'unauthorized', 'Name or password is incorrect.');

/** Creates the authenticator of the administrator, the accounts of `_users`, and tokens. */
export function createAuthenticator(
  storage: Storage,
  passwords: Passwords,
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
    const account = await passwords.check(document, password);
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

/** RFC 7617. A name contains no colon; a password may. */
function parseBasic(header: string): Credentials {
  const [, encoded = ''] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header) ?? [];
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) throw invalidCredentials();
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

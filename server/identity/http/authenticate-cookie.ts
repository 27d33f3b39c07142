import cookieParser from 'cookie-parser';
import type { Request, Response } from 'express';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { unauthorized } from '../../http/errors.ts';
import type { RefreshCookie } from '../sessions/refresh-cookie.ts';
import type { AccessMonitor } from '../access/access-monitor.ts';
import { assertSameOrigin } from './same-origin.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Rejects with 401 or 403 when the request's cookie does not prove who it comes from, with 502 or 503 as ever. */
export type CookieAuthenticator = (req: Request, res: Response) => Promise<Caller>;

export interface CookieAuthenticatorOptions {
  readonly cookie: Pick<RefreshCookie, 'read'>;
  readonly sessions: Pick<Sessions, 'getByToken'>;
  readonly accessMonitor: Pick<AccessMonitor, 'assertActive'>;
  readonly idOf: (username: Username) => UserDocumentId;
}

/**
 * For what can send no header of its own and only reads: a page's EventSource. What another page makes the browser ask for is
 * refused, though it could not read the answer. The right is the session's, and ends with it.
 */
export function createCookieAuthenticator({
  cookie,
  sessions,
  accessMonitor,
  idOf,
}: CookieAuthenticatorOptions): CookieAuthenticator {
  const readCookies = cookieParser();
  return async (req, res) => {
    assertSameOrigin(req);
    readCookies(req, res, () => undefined);
    const token = cookie.read(req);
    if (token === undefined) throw unauthorized('Sign in, and send the access token as "Authorization: Bearer".');
    const { id, username, expiresAt } = await sessions.getByToken(token);
    const caller = { username, ownId: idOf(username), sessionId: id, expiresAt };
    await accessMonitor.assertActive(caller);
    return caller;
  };
}

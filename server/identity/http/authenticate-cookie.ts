import type { Request } from 'express';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { AccessMonitor } from '../access/access-monitor.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { AssertOwnOrigin } from './own-origin.ts';
import type { RefreshCookie } from './refresh-cookie.ts';

/** Resolves with the caller. Rejects with 401 or 403 when the cookie does not authenticate one, 502 or 503 when the database fails. */
export type CookieAuthenticator = (req: Request) => Promise<Caller>;

export interface CookieAuthenticatorOptions {
  readonly cookie: Pick<RefreshCookie, 'read'>;
  readonly assertOwnOrigin: AssertOwnOrigin;
  readonly sessions: Pick<Sessions, 'getByToken'>;
  readonly accessMonitor: Pick<AccessMonitor, 'assertActive'>;
  readonly idOf: (username: Username) => UserDocumentId;
}

/**
 * Authenticates by the session cookie, for a page's EventSource, which cannot send a header and only reads. A request from
 * another origin is rejected, although it could not read the response. The caller's access ends with the session.
 */
export function createCookieAuthenticator({
  cookie,
  assertOwnOrigin,
  sessions,
  accessMonitor,
  idOf,
}: CookieAuthenticatorOptions): CookieAuthenticator {
  return async (req) => {
    assertOwnOrigin(req);
    const token = cookie.read(req);
    if (token === undefined) throw tokenRefusal('token-missing');
    const { id, username, expiresAt } = await sessions.getByToken(token);
    const caller = { username, ownId: idOf(username), sessionId: id, expiresAt };
    await accessMonitor.assertActive(caller);
    return caller;
  };
}

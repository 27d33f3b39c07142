import jwt from 'jsonwebtoken';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import { authorizationOf, type UpstreamAccess } from './client.ts';
import { keyIdOf } from './jwt-key-id.ts';

/** As whom the upstream is asked: the value of the `Authorization` header for a user's read or write. */
export type AuthorizationFor = (username: Username) => string;

/** How long a token for the upstream is good, in s, and how long before its end it is no longer used. */
const LIFETIME = 300;
const MARGIN = 60;
/** More users than this at once, and the oldest tokens are made anew. */
const MOST_KEPT = 20_000;

/**
 * With the upstream's JWT secret each request of a user's is that user's to CouchDB too, so that its own
 * `validate_doc_update` is a second lock on writes; without it it is the service account's.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#jwt-authentication
 */
export function upstreamAuthorization(
  access: UpstreamAccess,
  jwtSecret: Buffer | undefined,
  now: () => number = Date.now,
): AuthorizationFor {
  const service = authorizationOf(access);
  if (jwtSecret === undefined) return () => service;

  const options = { algorithm: 'HS256', noTimestamp: true, keyid: keyIdOf(jwtSecret) } as const;
  const kept = new Map<Username, { readonly header: string; readonly until: number }>();
  return (username) => {
    const found = kept.get(username);
    const seconds = Math.floor(now() / 1000);
    if (found !== undefined && seconds < found.until) return found.header;
    const claims = { sub: username, '_couchdb.roles': ['registry_user'], exp: seconds + LIFETIME };
    const header = `Bearer ${jwt.sign(claims, jwtSecret, options)}`;
    const [oldest] = kept.size >= MOST_KEPT ? kept.keys() : [];
    if (oldest !== undefined) kept.delete(oldest);
    kept.delete(username);
    kept.set(username, { header, until: seconds + LIFETIME - MARGIN });
    return header;
  };
}

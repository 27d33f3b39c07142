import jwt from 'jsonwebtoken';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import { authorizationOf, type UpstreamAccess } from './client.ts';
import { keyIdOf } from './jwt-key-id.ts';

/** As whom the upstream is asked: the value of the `Authorization` header for a user's read or write. */
export type AuthorizationFor = (username: Username) => string;

/** How long a token for the upstream is good, in s, and how long before its end it is no longer used. */
const TOKEN_LIFETIME_SECONDS = 300;
const RENEWAL_MARGIN_SECONDS = 60;
/** More users than this at once, and the oldest tokens are made anew. */
const MAX_CACHED_TOKENS = 20_000;

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
  const cache = new Map<Username, { readonly header: string; readonly renewAt: number }>();
  return (username) => {
    const cached = cache.get(username);
    const seconds = Math.floor(now() / 1000);
    if (cached !== undefined && seconds < cached.renewAt) return cached.header;
    const claims = { sub: username, '_couchdb.roles': ['registry_user'], exp: seconds + TOKEN_LIFETIME_SECONDS };
    const header = `Bearer ${jwt.sign(claims, jwtSecret, options)}`;
    const [oldest] = cache.size >= MAX_CACHED_TOKENS ? cache.keys() : [];
    if (oldest !== undefined) cache.delete(oldest);
    cache.delete(username);
    cache.set(username, { header, renewAt: seconds + TOKEN_LIFETIME_SECONDS - RENEWAL_MARGIN_SECONDS });
    return header;
  };
}

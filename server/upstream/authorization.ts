import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import { authorizationOf, type UpstreamAccess } from './client.ts';
import { keyIdOf } from './jwt-key-id.ts';

/** Returns the `Authorization` header for a user's read or write. */
export type AuthorizationFor = (username: Username) => string;

/** The role of users in the registry. */
const USER_ROLE = 'registry_user';

/** The claims of a token for CouchDB. */
export interface UpstreamTokenClaims {
  /** The user as whom CouchDB handles the request. */
  readonly name: string;
  /** Default: the role of users. */
  readonly roles?: readonly string[];
  /** In seconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Signs a token that CouchDB accepts if the secret is one of its [jwt_keys]. A key object costs less than the secret itself, which
 * jsonwebtoken first tries to parse as a private key.
 */
export const signUpstreamToken = (
  secret: Buffer,
  { name, roles = [USER_ROLE], expiresAt }: UpstreamTokenClaims,
): string =>
  jwt.sign({ sub: name, '_couchdb.roles': roles, exp: expiresAt }, createSecretKey(new Uint8Array(secret)), {
    algorithm: 'HS256',
    noTimestamp: true,
    keyid: keyIdOf(secret),
  });

/** Lifetime of a user's CouchDB token, and how long before its end the gate replaces it. In seconds. */
const TOKEN_LIFETIME_SECONDS = 300;
const RENEWAL_MARGIN_SECONDS = 60;
/** With more concurrent users, the least recently used tokens are signed again. */
const MAX_CACHED_TOKENS = 20_000;

/**
 * Creates the function that authorizes upstream requests. With the upstream's JWT secret, CouchDB sees each request as the
 * user's own, so its `validate_doc_update` is a second check on writes. Without it, CouchDB sees the service account.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#jwt-authentication
 *
 * @param now - The time by CouchDB's clock, with which it compares `exp`. A gate whose own clock is behind would otherwise send
 *   expired tokens.
 */
export function upstreamAuthorization(
  access: UpstreamAccess,
  jwtSecret: Buffer | undefined,
  now: () => number,
): AuthorizationFor {
  const service = authorizationOf(access);
  if (jwtSecret === undefined) return () => service;

  const headers = new LRUCache<Username, string>({
    max: MAX_CACHED_TOKENS,
    ttl: (TOKEN_LIFETIME_SECONDS - RENEWAL_MARGIN_SECONDS) * 1000,
    ttlResolution: 0,
    perf: { now },
  });
  return (username) => {
    const cached = headers.get(username);
    if (cached !== undefined) return cached;
    const expiresAt = Math.floor(now() / 1000) + TOKEN_LIFETIME_SECONDS;
    const header = `Bearer ${signUpstreamToken(jwtSecret, { name: username, expiresAt })}`;
    headers.set(username, header);
    return header;
  };
}

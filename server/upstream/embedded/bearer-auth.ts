import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { badRequest, HttpError } from '../../http/errors.ts';
import type { Session } from './access.ts';

/** Returns the session of a Bearer token; undefined for another kind of header. Throws 400 or 401, as CouchDB does. */
export type AuthenticateBearer = (header: string) => Session | undefined;

const claimsSchema = z.object({ sub: z.string(), '_couchdb.roles': z.array(z.string()).default([]) });

const unauthorized = (reason: string): HttpError => new HttpError(401, 'unauthorized', reason);

/**
 * Creates the equivalent of CouchDB's JWT handler, with HS256 keys and `exp` required.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#jwt-authentication
 */
export function createBearerAuth(secretOf: (keyId: string) => Buffer | undefined): AuthenticateBearer {
  return (header) => {
    const [, token] = /^Bearer (.+)$/.exec(header) ?? [];
    if (token === undefined) return undefined;
    const secret = secretOf(jwt.decode(token, { complete: true })?.header.kid ?? '_default');
    if (secret === undefined) throw badRequest('Unknown kid');
    const payload = verify(token, secret);
    if (typeof payload !== 'object' || payload.exp === undefined) throw badRequest('Missing exp claim');
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) throw unauthorized('Token missing sub claim.');
    return { name: claims.data.sub, roles: claims.data['_couchdb.roles'] };
  };
}

function verify(token: string, secret: Buffer): string | jwt.JwtPayload {
  try {
    return jwt.verify(token, secret, { algorithms: ['HS256'] });
  } catch (error) {
    throw error instanceof jwt.TokenExpiredError ? unauthorized('exp not in future') : badRequest('Bad HMAC');
  }
}

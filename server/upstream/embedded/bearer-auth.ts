import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { badRequest, HttpError } from '../../http/errors.ts';
import type { Session } from './access.ts';

/** Who a Bearer token says they are; undefined for a header of another kind. Throws as CouchDB does, 400 or 401. */
export type AuthenticateBearer = (header: string) => Session | undefined;

const claimsSchema = z.object({ sub: z.string(), '_couchdb.roles': z.array(z.string()).default([]) });

const unauthorized = (reason: string): HttpError => new HttpError(401, 'unauthorized', reason);

/**
 * CouchDB's JWT handler with keys for HS256, and `exp` required: so each request of a user's is that user's here too.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#jwt-authentication
 */
export function createBearerAuth(secretOf: (keyId: string) => Buffer | undefined): AuthenticateBearer {
  return (header) => {
    const [, token] = /^Bearer (.+)$/.exec(header) ?? [];
    if (token === undefined) return undefined;
    const secret = secretOf(jwt.decode(token, { complete: true })?.header.kid ?? '_default');
    if (secret === undefined) throw badRequest('Unknown kid');
    const claims = verify(token, secret);
    if (typeof claims !== 'object' || claims.exp === undefined) throw badRequest('Missing exp claim');
    const read = claimsSchema.safeParse(claims);
    if (!read.success) throw unauthorized('Token missing sub claim.');
    return { name: read.data.sub, roles: read.data['_couchdb.roles'] };
  };
}

function verify(token: string, secret: Buffer): string | jwt.JwtPayload {
  try {
    return jwt.verify(token, secret, { algorithms: ['HS256'] });
  } catch (error) {
    throw error instanceof jwt.TokenExpiredError ? unauthorized('exp not in future') : badRequest('Bad HMAC');
  }
}

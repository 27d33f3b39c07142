import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { HttpError, unauthorized } from '../../http/errors.ts';
import type { FindKey } from './provider-keys.ts';

export interface TokenOptions {
  /** The gate's own secrets, for HS256 only. The first one signs. With none, no tokens are issued. */
  readonly secrets: readonly string[];
  /** Finds another identity provider's keys, for RS256 and ES256 only. */
  readonly findKey: FindKey | undefined;
  readonly usernameClaim: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The time in ms. */
  readonly now: () => number;
}

/** What a verified token proves. */
export interface Claims {
  readonly username: Username;
  /** The session that the token was issued for; undefined when another identity provider issued it. */
  readonly sessionId: string | undefined;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

interface AccessToken {
  readonly token: string;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** Issues an access token. It expires at `notAfter` (ms since 1970) at the latest, so it never outlives its session. */
export type SignToken = (claims: { username: Username; sessionId: string; notAfter: number }) => AccessToken;

export interface Tokens {
  /** Rejects with 401 for an invalid or expired token, and with 503 when its key could not be fetched. */
  readonly verify: (token: string) => Promise<Claims>;
  /** Undefined when the gate has no secret, because another identity provider issues the tokens. */
  readonly sign: SignToken | undefined;
}

/** The lifetime of an access token, in ms. */
const ACCESS_TOKEN_LIFETIME_MS = 15 * 60_000;
/** In characters: longer than any real token, and short enough to reject cheaply. */
const MAX_TOKEN_LENGTH = 8 * 1024;
/** The largest time that a Date can hold, in seconds. A larger `exp` is invalid. */
const MAX_EXP_SECONDS = 8_640_000_000_000;

/** `crit` lists extensions that the recipient must understand (RFC 7515, 4.1.11). None is supported, so it must be absent. */
const headerSchema = z.object({
  alg: z.enum(['HS256', 'RS256', 'ES256']),
  kid: z.string().max(256).optional(),
  crit: z.undefined().optional(),
});

const payloadSchema = z.looseObject({
  exp: z.number().positive().max(MAX_EXP_SECONDS),
  sid: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
});

const invalidToken = () => unauthorized('The token is not valid.');

/** Whether the signature does not match the key. This is the only failure that another key could fix. */
const isSignatureMismatch = (error: unknown): boolean =>
  error instanceof jwt.JsonWebTokenError && error.message === 'invalid signature';

function verifyWithAny(token: string, [key, ...others]: readonly KeyObject[], options: jwt.VerifyOptions): unknown {
  if (key === undefined) throw unauthorized('The token is signed with an algorithm that is not accepted.');
  try {
    return jwt.verify(token, key, options);
  } catch (error) {
    if (others.length === 0 || !isSignatureMismatch(error)) throw error;
    return verifyWithAny(token, others, options);
  }
}

/** Verifies access tokens and signs the gate's own (RFC 7519), following the best practices of RFC 8725. */
export function createTokens(options: TokenOptions): Tokens {
  const { usernameClaim, issuer, audience, now } = options;
  // Key objects, not strings: jsonwebtoken treats a string that looks like a public key as one.
  const secrets = options.secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [secret] = secrets;

  /** Each algorithm has its own keys, so a key is never used with another algorithm (RFC 8725, 3.1). */
  const keysFor = async ({ alg, kid }: z.output<typeof headerSchema>): Promise<readonly KeyObject[]> =>
    alg === 'HS256' ? secrets : [await options.findKey?.(alg, kid)].filter((key) => key !== undefined);

  const toClaims = (payload: unknown, isOwnToken: boolean): Claims => {
    const { exp, sid, ...claims } = payloadSchema.parse(payload);
    const username = parseUsername(Object.hasOwn(claims, usernameClaim) ? claims[usernameClaim] : undefined);
    if (username === undefined) throw unauthorized(`The token's ${usernameClaim} is not a username.`);
    // Another provider's `sid` identifies one of its own sessions (OpenID Connect Back-Channel Logout, 2.1).
    return { username, sessionId: isOwnToken ? sid : undefined, expiresAt: exp * 1000 };
  };

  return {
    verify: async (token) => {
      if (token.length > MAX_TOKEN_LENGTH) throw invalidToken();
      try {
        const header = headerSchema.parse(jwt.decode(token, { complete: true })?.header);
        const payload = verifyWithAny(token, await keysFor(header), {
          algorithms: [header.alg],
          clockTimestamp: Math.floor(now() / 1000),
          ...(issuer === undefined ? {} : { issuer }),
          ...(audience === undefined ? {} : { audience }),
        });
        return toClaims(payload, header.alg === 'HS256');
      } catch (error) {
        if (error instanceof HttpError) throw error;
        throw error instanceof jwt.TokenExpiredError ? unauthorized('The token has expired.') : invalidToken();
      }
    },
    sign:
      secret === undefined
        ? undefined
        : ({ username, sessionId, notAfter }) => {
            const exp = Math.floor(Math.min(now() + ACCESS_TOKEN_LIFETIME_MS, notAfter) / 1000);
            const payload = {
              iat: Math.floor(now() / 1000),
              exp,
              sub: username,
              [usernameClaim]: username,
              sid: sessionId,
              ...(issuer === undefined ? {} : { iss: issuer }),
              ...(audience === undefined ? {} : { aud: audience }),
            };
            return { token: jwt.sign(payload, secret, { algorithm: 'HS256' }), expiresAt: exp * 1000 };
          },
  };
}

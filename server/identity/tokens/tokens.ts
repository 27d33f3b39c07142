import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { HttpError, unauthorized } from '../../http/errors.ts';
import type { FindKey } from './provider-keys.ts';

export interface TokenOptions {
  /** The gate's own secrets, for HS256 and nothing else. The first one signs; without any no token is issued. */
  readonly secrets: readonly string[];
  /** Finds another identity provider's keys, for RS256 and ES256 and nothing else. */
  readonly findKey: FindKey | undefined;
  readonly usernameClaim: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The time in ms. */
  readonly now: () => number;
}

/** What a token proves. */
export interface Claims {
  readonly username: Username;
  /** The session that it was issued for; none when another identity provider issued it. */
  readonly sessionId: string | undefined;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

interface AccessToken {
  readonly token: string;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** `notAfter` (ms): the token ends then at the latest, since it must not outlive its session. */
export type SignToken = (of: { username: Username; sessionId: string; notAfter: number }) => AccessToken;

export interface Tokens {
  /** Rejects with 401 for whatever is wrong with the token, 503 when its key could not be fetched. */
  readonly verify: (token: string) => Promise<Claims>;
  /** Undefined when the gate has no secret: then another identity provider issues the tokens. */
  readonly sign: SignToken | undefined;
}

/** How long an access token lives, in ms. */
const ACCESS_TOKEN_LIFETIME_MS = 15 * 60_000;
/** Larger than any token of ours or a provider's, and small enough to cost nothing. In characters. */
const MAX_TOKEN_LENGTH = 8 * 1024;
/** The largest time that a Date holds, in seconds: a token until then never ends, and one beyond is nonsense. */
const MAX_EXP_SECONDS = 8_640_000_000_000;

/** RFC 7515, 4.1.11: `crit` lists extensions that must be understood, and none is. */
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

/** Tells a signature of another key from all else that may be wrong: that alone another key could mend. */
const isSignatureMismatch = (error: unknown): boolean =>
  error instanceof jwt.JsonWebTokenError && error.message === 'invalid signature';

function verifyWithAny(token: string, [key, ...others]: readonly KeyObject[], options: jwt.VerifyOptions): unknown {
  if (key === undefined) throw unauthorized('The token is signed in a way that is not accepted here.');
  try {
    return jwt.verify(token, key, options);
  } catch (error) {
    if (others.length === 0 || !isSignatureMismatch(error)) throw error;
    return verifyWithAny(token, others, options);
  }
}

/** Verifies access tokens, and signs the gate's own (RFC 7519; RFC 8725 for the ways in which that goes wrong). */
export function createTokens(options: TokenOptions): Tokens {
  const { usernameClaim, issuer, audience, now } = options;
  // Key objects, not text: jsonwebtoken takes a text that looks like a public key for one.
  const secrets = options.secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [secret] = secrets;

  /** RFC 8725, 3.1: each algorithm has keys of its own, so no key is ever used for another's algorithm. */
  const keysFor = async ({ alg, kid }: z.output<typeof headerSchema>): Promise<readonly KeyObject[]> =>
    alg === 'HS256' ? secrets : [await options.findKey?.(alg, kid)].filter((key) => key !== undefined);

  const toClaims = (payload: unknown, isOwnToken: boolean): Claims => {
    const { exp, sid, ...claims } = payloadSchema.parse(payload);
    const username = parseUsername(Object.hasOwn(claims, usernameClaim) ? claims[usernameClaim] : undefined);
    if (username === undefined) throw unauthorized(`The token's ${usernameClaim} is not a username.`);
    // Another provider's `sid` names a session of its own (OpenID Connect Back-Channel Logout, 2.1), of which we know nothing.
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
        throw error instanceof jwt.TokenExpiredError ? unauthorized('The token is over.') : invalidToken();
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

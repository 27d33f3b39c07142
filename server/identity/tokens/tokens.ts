import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { HttpError } from '../../http/errors.ts';
import { MAX_TOKEN_LENGTH, tokenRefusal } from '../../http/token-refusal.ts';
import { checkClaims, type ClaimRules } from './check-claims.ts';
import type { FindKey } from './provider-keys.ts';

export interface TokenOptions extends ClaimRules {
  /** The gate's own secrets, for HS256 only. The first one signs. With none, no tokens are issued. */
  readonly secrets: readonly string[];
  /** Finds another identity provider's keys, for RS256 and ES256 only. */
  readonly findKey: FindKey | undefined;
  /** The time in ms. */
  readonly now: () => number;
}

/** What a verified token proves. */
export interface Claims {
  readonly username: Username;
  /** The session that the token was issued for; undefined when another identity provider issued it. */
  readonly sessionId: string | undefined;
  /** When access ends, in ms since 1970: the token's expiry plus the leeway. */
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

const ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const;
const algorithmSchema = z.enum(ALGORITHMS);

/** `crit` lists extensions that the recipient must understand (RFC 7515, 4.1.11). None is supported, so it must be absent. */
const headerSchema = z.object({
  alg: z.string(),
  kid: z.string().max(256).optional(),
  crit: z.undefined().optional(),
});

const MALFORMED_TOKEN =
  'The token is not a well-formed JWT with a signature. Send the access token of the issuer unchanged, and not an opaque one.';

function parseHeader(token: string) {
  const header = headerSchema.safeParse(jwt.decode(token, { complete: true })?.header).data;
  if (header === undefined) throw tokenRefusal('token-malformed', MALFORMED_TOKEN);
  const alg = algorithmSchema.safeParse(header.alg).data;
  if (alg === undefined) throw tokenRefusal('token-wrong-algorithm');
  return { alg, kid: header.kid };
}

/** Whether the signature does not match the key. This is the only failure that another key could fix. */
const isSignatureMismatch = (error: unknown): boolean =>
  error instanceof jwt.JsonWebTokenError && error.message === 'invalid signature';

function verifyWithAny(token: string, [key, ...others]: readonly KeyObject[], options: jwt.VerifyOptions): unknown {
  if (key === undefined) throw tokenRefusal('token-wrong-algorithm');
  try {
    return jwt.verify(token, key, options);
  } catch (error) {
    if (others.length === 0 || !isSignatureMismatch(error)) throw error;
    return verifyWithAny(token, others, options);
  }
}

/** The library verifies the signature before the times, so a refused time reveals nothing about a forged token. */
function toRefusal(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof jwt.TokenExpiredError) return tokenRefusal('token-expired');
  if (error instanceof jwt.NotBeforeError) return tokenRefusal('token-not-yet-valid');
  return isSignatureMismatch(error)
    ? tokenRefusal('token-bad-signature')
    : tokenRefusal('token-malformed', MALFORMED_TOKEN);
}

/** Verifies access tokens and signs the gate's own (RFC 7519), following the best practices of RFC 8725. */
export function createTokens(options: TokenOptions): Tokens {
  const { usernameClaim, issuer, audience, audienceClaim, leewaySeconds, now } = options;
  // Key objects, not strings: jsonwebtoken treats a string that looks like a public key as one.
  const secrets = options.secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [secret] = secrets;

  /** Each algorithm has its own keys, so a key is never used with another algorithm (RFC 8725, 3.1). */
  const keysFor = async ({ alg, kid }: ReturnType<typeof parseHeader>): Promise<readonly KeyObject[]> =>
    alg === 'HS256' ? secrets : [await options.findKey?.(alg, kid)].filter((key) => key !== undefined);

  return {
    verify: async (token) => {
      if (token.length > MAX_TOKEN_LENGTH) throw tokenRefusal('token-too-long');
      try {
        const header = parseHeader(token);
        const keys = await keysFor(header);
        const nowSeconds = Math.floor(now() / 1000);
        const payload = verifyWithAny(token, keys, {
          algorithms: [header.alg],
          clockTimestamp: nowSeconds,
          clockTolerance: leewaySeconds,
        });
        return checkClaims(payload, options, nowSeconds, header.alg === 'HS256');
      } catch (error) {
        throw toRefusal(error);
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
              ...(audience === undefined ? {} : { [audienceClaim]: audience }),
            };
            return { token: jwt.sign(payload, secret, { algorithm: 'HS256' }), expiresAt: exp * 1000 };
          },
  };
}

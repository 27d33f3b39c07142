import { z } from 'zod';
import { encodeSubject } from '../../../couchdb-design/user-document/user-document.ts';
import type { TokenConfig } from '../../config/config.ts';
import { MAX_LEEWAY_SECONDS } from '../../config/schema.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { Claims } from './tokens.ts';

/** What the claims of a token must contain. */
export type ClaimRules = Pick<
  TokenConfig,
  'usernameClaim' | 'issuer' | 'audience' | 'audienceClaim' | 'leewaySeconds' | 'maxLifetimeSeconds'
>;

/** The largest time that a Date can hold, in seconds, less the leeway. A larger `exp` is invalid. */
const MAX_EXP_SECONDS = 8_640_000_000_000 - MAX_LEEWAY_SECONDS;

const payloadSchema = z.looseObject({ exp: z.number().positive().max(MAX_EXP_SECONDS), iat: z.number().optional() });

const sessionIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .optional();

const MALFORMED_PAYLOAD =
  'The token has no valid expiry (exp, in seconds), or its sid is malformed. Configure the issuer to put exp into tokens.';

/**
 * Returns what the payload of a token proves, after the signature and the times were verified.
 *
 * @param payload - The verified payload.
 * @param nowSeconds - The current time, in seconds since 1970.
 * @param isOwnToken - Whether this deployment signed it. Only then its `sid` is a session here: another provider's `sid`
 * identifies one of its own sessions (OpenID Connect Back-Channel Logout, 2.1).
 * @throws HttpError 401 with the code of the first claim that is not accepted.
 */
export function checkClaims(payload: unknown, rules: ClaimRules, nowSeconds: number, isOwnToken: boolean): Claims {
  const claims = payloadSchema.safeParse(payload).data;
  if (claims === undefined) throw tokenRefusal('token-malformed', MALFORMED_PAYLOAD);
  const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

  // A stolen token is of use until it expires. By `iat`, a wrong clock of this machine refuses no token.
  if (claims.exp - (claims.iat ?? nowSeconds) > rules.maxLifetimeSeconds) throw tokenRefusal('token-long-lived');
  // RFC 8725, 3.8 and 3.9.
  if (rules.issuer !== undefined && claim('iss') !== rules.issuer) throw tokenRefusal('token-wrong-issuer');
  if (rules.audience !== undefined && ![claim(rules.audienceClaim)].flat().includes(rules.audience)) {
    throw tokenRefusal('token-wrong-audience');
  }
  const username = encodeSubject(claim(rules.usernameClaim));
  if (username === undefined) throw tokenRefusal('token-no-subject');
  const sessionId = isOwnToken ? sessionIdSchema.safeParse(claim('sid')) : { success: true, data: undefined };
  if (!sessionId.success) throw tokenRefusal('token-malformed', MALFORMED_PAYLOAD);
  // A live request ends when the token is no longer accepted. If it ended at `exp`, its client would repeat it until then.
  const expiresAt = (claims.exp + rules.leewaySeconds) * 1000;
  return { username, sessionId: sessionId.data, expiresAt };
}

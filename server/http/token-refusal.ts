import type { TokenRefusalCode } from '../contract.ts';
import { HttpError } from './errors.ts';

/** The maximum length of a token, in characters. Identity providers that put roles or groups into tokens issue 10 kB and more. */
export const MAX_TOKEN_LENGTH = 24 * 1024;

/**
 * What to do about each refusal, for the developer who integrates the identity provider. No sentence contains a value of the
 * token or of the configuration. RFC 6750, 3 allows printable ASCII without `"` and `\` in `error_description`.
 */
const REASONS: Readonly<Record<TokenRefusalCode, string>> = {
  'token-missing': 'Not signed in. Send an access token in the Authorization header, after the word Bearer.',
  'token-malformed':
    'The Authorization header is not one bearer token. Send the word Bearer, a space and a JWT, once and unquoted.',
  'token-too-long': `The token is longer than ${MAX_TOKEN_LENGTH} characters. Configure the identity provider to put fewer claims into it.`,
  'token-wrong-algorithm':
    'The token is signed with an algorithm for which this server has no key. Send a token that the configured identity provider signs with RS256 or ES256.',
  'token-unknown-key':
    'The token is signed with a key that the identity provider does not publish. Check that JWKS_URL belongs to the issuer of the token, and get a new token.',
  'token-bad-signature':
    'The signature of the token does not match the key of this server. Check that the token is sent unchanged, and that the server has the key of its issuer.',
  'token-not-yet-valid':
    'The token is not valid yet (nbf). Compare the clocks of this server and of the issuer, or raise JWT_LEEWAY_SECONDS.',
  'token-expired': 'The token has expired. Get a new one, and send the request again.',
  'token-long-lived':
    'The token is valid for longer than this server accepts. Configure the issuer to create tokens of a shorter lifetime, or raise JWT_MAX_LIFETIME_SECONDS.',
  'token-wrong-issuer':
    'The token is from another issuer (iss). Compare it with JWT_ISSUER, including a slash at its end.',
  'token-wrong-audience':
    'The token is for another audience. Request a token for this API, or compare its audience with JWT_AUDIENCE and JWT_AUDIENCE_CLAIM.',
  'token-no-subject':
    'The token names no user: its claim JWT_USERNAME_CLAIM must be a text of 1 to 255 characters. Check which claim contains the name.',
  'session-ended': 'The session has ended. Sign in again.',
  'account-suspended': 'The account is suspended. Ask the operator to restore it.',
};

/**
 * The 401 of refused credentials, with a code for programs and a challenge (RFC 6750, 3). A request without credentials gets a
 * challenge without an error (3.1).
 */
export function tokenRefusal(code: TokenRefusalCode, reason = REASONS[code]): HttpError {
  const challenge = code === 'token-missing' ? 'Bearer' : `Bearer error="invalid_token", error_description="${reason}"`;
  return new HttpError(401, 'unauthorized', reason, { 'WWW-Authenticate': challenge }, code);
}

import { isObject, parseJson } from '../../../lib/json.ts';

/** Returns the claims of a JWT without a check of its signature; none if the token is not a JWT. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.');
  const claims = parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  return isObject(claims) ? claims : {};
}

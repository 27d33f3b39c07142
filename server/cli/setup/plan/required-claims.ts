import { isAtLeast } from '../../../upstream/version.ts';

/**
 * `[jwt_auth] required_claims`: names, and names with a value, such as `exp, {iss, "x"}`.
 * https://docs.couchdb.org/en/stable/config/auth.html#jwt_auth
 */

/** CouchDB's own pattern (couch_httpd_auth:get_configured_claims). */
const CLAIM_PATTERN = /\{([a-z]+) *, *"[^"]+"\}|([a-z]+)/g;

/** Claims and header members that the gates' tokens have. */
const OWN_CLAIMS: readonly string[] = ['exp', 'kid', 'typ'];

export interface RequiredClaims {
  /** Whether CouchDB rejects expired tokens. */
  readonly hasExpiry: boolean;
  /** The reason why CouchDB rejects every token of the gates; undefined if it does not. */
  readonly rejection: string | undefined;
}

/** Evaluates the setting; undefined is the default of the version. */
export function evaluateRequiredClaims(text: string | undefined, version: string): RequiredClaims {
  // The default is `exp` since 3.3, and no claim before.
  if (text === undefined) return { hasExpiry: isAtLeast(version, 3, 3), rejection: undefined };
  const claims = [...text.matchAll(CLAIM_PATTERN)].map(([, withValue, name]) => withValue ?? name ?? '');
  const missing = claims.filter((claim) => !OWN_CLAIMS.includes(claim));
  const rejection =
    claims.length === 0 && text.trim() !== ''
      ? 'it is not a list of claims'
      : missing.length > 0
        ? `the gates' tokens have no ${missing.join(', ')}`
        : new Set(claims).size < claims.length
          ? 'a claim occurs twice'
          : undefined;
  return { hasExpiry: claims.includes('exp'), rejection };
}

/**
 * Fields that must never be in a user document, since it is replicated to browsers and stored there. The gate checks every
 * body before it serves it; the view `suspicious_fields` lists them for an operator. secret-fields.test.ts verifies that
 * both rules agree. (The view is a copy, because CouchDB runs it alone, as plain ES5.)
 */

/** Matches the name of a secret, in lower case and without non-letters. */
const SECRET_NAME_PATTERN =
  /passw|passphrase|token|secret|credential|cookie|apikey|privatekey|derivedkey|jwt|^salt$|^hash$|^pin$|^otp$/;
/** Deeper than any document that can be read, and the limit of the view. */
const MAX_DEPTH = 128;

export interface SecretField {
  readonly key: string;
  /** The member names from the root, joined with dots: `preferences.apiToken`. */
  readonly path: string;
}

/** Returns whether a member name looks like that of a secret. */
export const looksSecret = (key: string): boolean => SECRET_NAME_PATTERN.test(key.toLowerCase().replace(/[^a-z]/g, ''));

/** Yields every such field in JSON order, each before the fields within it. */
export function* secretFields(value: unknown, path = '', depth = 0): Generator<SecretField> {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  for (const [key, member] of Object.entries(value)) {
    const memberPath = path === '' ? key : `${path}.${key}`;
    if (looksSecret(key)) yield { key, path: memberPath };
    yield* secretFields(member, memberPath, depth + 1);
  }
}

/** Returns the first secret field; `undefined` when the value may be replicated. */
export const findSecretField = (value: unknown): SecretField | undefined => {
  for (const field of secretFields(value)) return field;
  return undefined;
};

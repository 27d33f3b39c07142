/**
 * Fields that must never be in a user document: what is in one is replicated to browsers and kept there. The gate asks
 * before it serves a body; the view `suspicious_fields` tells an operator. Both are one rule, held together by
 * secret-fields.test.ts (the view's own text has to stand alone, in the plain ES5 that CouchDB runs).
 */

/** A name that looks like a secret's, once it is in lower case and without all that is no letter. */
const SECRET_NAME_PATTERN =
  /passw|passphrase|token|secret|credential|cookie|apikey|privatekey|derivedkey|jwt|^salt$|^hash$|^pin$|^otp$/;
/** Deeper than any document of ours; the view looks no further. */
const MAX_DEPTH = 8;

export interface SecretField {
  readonly key: string;
  /** The names on the way to it, with dots between: `preferences.apiToken`. */
  readonly path: string;
}

export const looksSecret = (key: string): boolean => SECRET_NAME_PATTERN.test(key.toLowerCase().replace(/[^a-z]/g, ''));

/** Every such field, in the order in which JSON has them, those inside of it after it. */
export function* secretFields(value: unknown, path = '', depth = 0): Generator<SecretField> {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  for (const [key, member] of Object.entries(value)) {
    const memberPath = path === '' ? key : `${path}.${key}`;
    if (looksSecret(key)) yield { key, path: memberPath };
    yield* secretFields(member, memberPath, depth + 1);
  }
}

/** The first of them; undefined when the value may be replicated. */
export const findSecretField = (value: unknown): SecretField | undefined => {
  for (const field of secretFields(value)) return field;
  return undefined;
};

/**
 * Fields that must never be in a user document: what is in one is replicated to browsers and kept there. The gate asks
 * before it serves a body; the view `suspicious_fields` tells an operator. Both are one rule, held together by
 * secret-fields.test.ts (the view's own text has to stand alone, in the plain ES5 that CouchDB runs).
 */

/** A name that looks like a secret's, once it is in lower case and without all that is no letter. */
const SECRET =
  /passw|passphrase|token|secret|credential|cookie|apikey|privatekey|derivedkey|jwt|^salt$|^hash$|^pin$|^otp$/;
/** Deeper than any document of ours; the view looks no further. */
const DEEPEST = 8;

export interface SecretField {
  readonly key: string;
  /** The names on the way to it, with dots between: `preferences.apiToken`. */
  readonly path: string;
}

export const looksSecret = (key: string): boolean => SECRET.test(key.toLowerCase().replace(/[^a-z]/g, ''));

/** Every such field, in the order in which JSON has them, those inside of it after it. */
export function* secretFields(value: unknown, path = '', depth = 0): Generator<SecretField> {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return;
  for (const [key, inner] of Object.entries(value)) {
    const own = path === '' ? key : `${path}.${key}`;
    if (looksSecret(key)) yield { key, path: own };
    yield* secretFields(inner, own, depth + 1);
  }
}

/** The first of them; undefined when the value may be replicated. */
export const findSecretField = (value: unknown): SecretField | undefined => {
  for (const field of secretFields(value)) return field;
  return undefined;
};

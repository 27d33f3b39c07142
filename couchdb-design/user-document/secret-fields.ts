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

const joinPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** Yields every such field in JSON order, each before the fields within it. */
export function* secretFields(value: unknown, path = '', depth = 0): Generator<SecretField> {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  for (const [key, member] of Object.entries(value)) {
    const memberPath = joinPath(path, key);
    if (looksSecret(key)) yield { key, path: memberPath };
    yield* secretFields(member, memberPath, depth + 1);
  }
}

/** Returns the names from the first secret field up to the root. */
const findNames = (value: unknown, depth: number): string[] | undefined => {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    // An index is not a name. A history of revisions is a long array of texts.
    for (const [index, item] of value.entries()) {
      const names = findNames(item, depth + 1);
      if (names !== undefined) return [...names, String(index)];
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (looksSecret(key)) return [key];
    const names = findNames((value as Readonly<Record<string, unknown>>)[key], depth + 1);
    if (names !== undefined) return [...names, key];
  }
  return undefined;
};

/**
 * Returns the first secret field; `undefined` when the value may be replicated. It is called for every document that is served, so it
 * makes no path before it has found one.
 */
export const findSecretField = (value: unknown): SecretField | undefined => {
  const names = findNames(value, 0);
  return names === undefined ? undefined : { key: names[0] ?? '', path: names.reduceRight(joinPath, '') };
};

/** The passwords and password hashes of a source, and which of them CouchDB can check. */
import { isObject, getString } from '../../lib/json.ts';
import type { NewAccount, PasswordHash } from '../../identity/accounts/register-many.ts';

/** The secret of a new account. `problem` is the end of a sentence about the source's password hash. */
export interface ImportedSecret {
  readonly secret: NewAccount['secret'];
  readonly problem?: string;
}

/** The hash functions of PBKDF2 by CouchDB's names, with the length of a key in hex digits. */
const KEY_LENGTHS: Readonly<Record<string, number>> = { sha: 40, sha224: 56, sha256: 64, sha384: 96, sha512: 128 };
/** CouchDB before 3.4 takes every hash for one by SHA-1. */
const OLDEST_FUNCTION = 'sha';
/** A sign-in with so many takes several seconds of one core. */
const MAX_ITERATIONS = 10_000_000;
const MAX_PASSWORD_LENGTH = 256;

/** Whether CouchDB of this version checks hashes by other functions than SHA-1. */
export function supportsAllHashFunctions(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 4);
}

/** The beginnings of hashes in the formats of other libraries. */
const FOREIGN_SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^\$2[abxy]?\$/, 'bcrypt'],
  [/^\$argon2/, 'Argon2'],
  [/^\$(?:s0|7|scrypt)\$|^scrypt[$:]/i, 'scrypt'],
  [/^\$[156]\$/, 'crypt'],
  [/^pbkdf2/i, 'PBKDF2 in a format other than CouchDB’s members'],
];

const unusable = (problem: string): ImportedSecret => ({ secret: undefined, problem });

/**
 * Returns the secret of an imported account.
 *
 * @param password A password in plain text, which CouchDB hashes.
 * @param account The members of an account of CouchDB: `derived_key`, `salt`, `iterations`, `pbkdf2_prf`. Any other object or text
 * is a hash that CouchDB cannot check.
 * @param supportsAllFunctions Whether the database checks hashes by other functions than SHA-1.
 */
export function toImportedSecret(password: unknown, account: unknown, supportsAllFunctions: boolean): ImportedSecret {
  if (typeof password === 'string' && password !== '') {
    return password.length <= MAX_PASSWORD_LENGTH
      ? { secret: { password } }
      : unusable(`has more than ${MAX_PASSWORD_LENGTH} characters`);
  }
  if (account === undefined || account === null) return { secret: undefined };
  const hash = parseHash(account);
  if (typeof hash === 'string') return unusable(hash);
  return supportsAllFunctions || hash.pbkdf2_prf === OLDEST_FUNCTION
    ? { secret: hash }
    : unusable(`is PBKDF2 by ${hash.pbkdf2_prf}, which CouchDB checks from version 3.4 on`);
}

/** Returns a hash that CouchDB can check, or the reason why it cannot, as the end of a sentence. */
function parseHash(account: unknown): PasswordHash | string {
  if (!isObject(account)) return describeScheme(account);
  const { salt, iterations, derived_key: key, pbkdf2_prf: prf = OLDEST_FUNCTION, password_scheme: scheme } = account;
  if (scheme !== undefined && scheme !== 'pbkdf2') return `is of the scheme ${JSON.stringify(scheme).slice(0, 20)}`;
  if (typeof key !== 'string') return describeScheme(getString(account, 'password_hash') ?? getString(account, 'hash'));
  const length = typeof prf === 'string' && Object.hasOwn(KEY_LENGTHS, prf) ? KEY_LENGTHS[prf] : undefined;
  if (typeof prf !== 'string' || length === undefined) return 'is by a hash function that CouchDB does not have';
  if (key.length !== length || !/^[0-9a-f]+$/.test(key)) return `has a derived_key that is not ${length} hex digits`;
  if (typeof salt !== 'string' || salt === '') return 'has no salt';
  if (
    typeof iterations !== 'number' ||
    !Number.isInteger(iterations) ||
    iterations < 1 ||
    iterations > MAX_ITERATIONS
  ) {
    return `has iterations that are not an integer of 1 to ${MAX_ITERATIONS}`;
  }
  return { password_scheme: 'pbkdf2', pbkdf2_prf: prf, derived_key: key, salt, iterations };
}

/** Names the scheme only, so that no message contains a hash. */
function describeScheme(hash: unknown): string {
  const text = typeof hash === 'string' ? hash : '';
  const [, name = 'of an unknown scheme'] = FOREIGN_SCHEMES.find(([pattern]) => pattern.test(text)) ?? [];
  return `is ${name}, which CouchDB cannot check`;
}

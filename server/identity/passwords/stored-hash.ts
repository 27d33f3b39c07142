import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { StoredRevision } from '../../upstream/read-many-leaves.ts';

/** The hash functions of PBKDF2: CouchDB's names, Node's names, and the length of a key in bytes. */
const HASH_FUNCTIONS = {
  sha: { digest: 'sha1', keyBytes: 20 },
  sha224: { digest: 'sha224', keyBytes: 28 },
  sha256: { digest: 'sha256', keyBytes: 32 },
  sha384: { digest: 'sha384', keyBytes: 48 },
  sha512: { digest: 'sha512', keyBytes: 64 },
} as const;

type HashFunction = keyof typeof HASH_FUNCTIONS;

/** What PBKDF2 is computed with. */
export interface Pbkdf2 {
  readonly scheme: 'pbkdf2';
  readonly digest: (typeof HASH_FUNCTIONS)[HashFunction]['digest'];
  readonly keyBytes: number;
  readonly salt: string;
  readonly iterations: number;
}

/** The password hash of an account, in one of the schemes of CouchDB. `key` is in hex. */
export type StoredHash = (Pbkdf2 & { readonly key: string }) | SimpleHash;

/** SHA-1 of the password and the salt: the scheme of CouchDB before 1.3. */
interface SimpleHash {
  readonly scheme: 'simple';
  readonly salt: string;
  readonly key: string;
}

/** A hash of more takes several seconds of one core. The import accepts no more either. */
const MAX_ITERATIONS = 10_000_000;

const hex = z.string().regex(/^(?:[0-9a-f]{2}){20,64}$/);
const pbkdf2Schema = z.object({
  password_scheme: z.literal('pbkdf2'),
  // CouchDB before 3.4 has SHA-1 only, and does not store its name.
  pbkdf2_prf: z.enum(Object.keys(HASH_FUNCTIONS) as [HashFunction, ...HashFunction[]]).default('sha'),
  salt: z.string().min(1),
  iterations: z.int().min(1).max(MAX_ITERATIONS),
  derived_key: hex,
});
const simpleSchema = z.object({
  password_scheme: z.literal('simple').optional(),
  salt: z.string().min(1),
  password_sha: hex,
});
const accountSchema = z.looseObject({ type: z.literal('user'), name: z.string() });

/**
 * Returns the password hash of an account.
 *
 * @param username - The account's name.
 * @param leaves - All leaves of the account's document in `_users`, deleted ones included.
 * @returns Undefined if there is no account, no password, or no sign-in by the password alone: with conflicting branches, as for
 *   CouchDB, because they may be two people's; with a second factor (`totp`), which the gate does not ask for.
 */
export function readStoredHash(username: string, leaves: readonly StoredRevision[]): StoredHash | undefined {
  const [leaf, ...others] = leaves.filter(({ _deleted }) => _deleted !== true);
  const account = accountSchema.safeParse(leaf).data;
  if (account?.name !== username || others.length > 0 || 'totp' in account) return undefined;
  const pbkdf2 = pbkdf2Schema.safeParse(account).data;
  if (pbkdf2 !== undefined) {
    const { pbkdf2_prf, salt, iterations, derived_key: key } = pbkdf2;
    return { scheme: 'pbkdf2', ...HASH_FUNCTIONS[pbkdf2_prf], salt, iterations, key };
  }
  const simple = simpleSchema.safeParse(account).data;
  return simple === undefined ? undefined : { scheme: 'simple', salt: simple.salt, key: simple.password_sha };
}

/** Returns the hash of the scheme `simple`, in hex. */
export const simpleHash = (password: string, salt: string): string =>
  createHash('sha1').update(password).update(salt).digest('hex');

/** Compares two hashes in hex, in a time that does not depend on where they differ. */
export function isSameHash(a: string, b: string): boolean {
  const [bytes, others] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')].map((each) => new Uint8Array(each));
  return bytes !== undefined && others?.length === bytes.length && timingSafeEqual(bytes, others);
}

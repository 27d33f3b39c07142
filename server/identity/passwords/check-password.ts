import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { CommonWork } from './hash-work.ts';
import { isSameHash, simpleHash, type Pbkdf2, type StoredHash } from './stored-hash.ts';

/** Runs in libuv's threads, beside the event loop. */
const derive = promisify(pbkdf2);

const deriveHex = async (password: string, { salt, iterations, keyBytes, digest }: Omit<Pbkdf2, 'scheme'>) =>
  (await derive(password, salt, iterations, keyBytes, digest)).toString('hex');

/**
 * Checks a password against the hash of an account. It does the same work whether there is an account or not, whether the
 * password is right or not, and for every scheme.
 *
 * @param hash - The account's hash; undefined if there is no account.
 * @param password - The password.
 * @param common - The work of every check.
 * @returns Whether the password is the account's.
 */
export async function checkPassword(
  hash: StoredHash | undefined,
  password: string,
  common: CommonWork,
): Promise<boolean> {
  const remainder = common.remainderAfter(hash);
  const isRight = hash !== undefined && isSameHash(await computeHash(hash, password), hash.key);
  if (remainder > 0) {
    const salt = randomBytes(16).toString('hex');
    await deriveHex(password, { salt, iterations: remainder, keyBytes: 32, digest: 'sha256' });
  }
  return isRight;
}

const computeHash = async (hash: StoredHash, password: string): Promise<string> =>
  hash.scheme === 'simple' ? simpleHash(password, hash.salt) : await deriveHex(password, hash);

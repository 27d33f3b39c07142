import { createHash, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { z } from 'zod';
import { forbidden } from '../../http/errors.ts';
import type { Json } from './pouchdb.ts';

/** The hash functions of PBKDF2 by CouchDB's names. Each key is as long as a hash. */
const DIGESTS = { sha: 'sha1', sha224: 'sha224', sha256: 'sha256', sha384: 'sha384', sha512: 'sha512' } as const;
type Prf = keyof typeof DIGESTS;

/** The fields that CouchDB 3.4 derives from the password of a `_users` document. Imported accounts may have older ones. */
const passwordHashSchema = z.object({
  name: z.string(),
  roles: z.array(z.string()),
  password_scheme: z.literal('pbkdf2'),
  pbkdf2_prf: z.enum(Object.keys(DIGESTS) as [Prf, ...Prf[]]).default('sha'),
  salt: z.string().min(1),
  iterations: z.number().int().min(1).max(10_000_000),
  derived_key: z.string().regex(/^(?:[0-9a-f]{2}){20,64}$/),
});

/** About 70 ms of one core. */
export const DEFAULT_PBKDF2_ITERATIONS = 150_000;
const DEFAULT_PRF = 'sha256';
const ABSENT_ACCOUNT_SALT = 'nobody';

const derive = promisify(pbkdf2);

/** One hash at a time: hashing and file access share a few threads, and a burst of sign-ins must not occupy them all. */
const hashQueue = pLimit(1);

async function derivePasswordHash(password: string, salt: string, iterations: number, prf: Prf): Promise<string> {
  const digest = DIGESTS[prf];
  const key = await hashQueue(() => derive(password, salt, iterations, createHash(digest).digest().length, digest));
  return key.toString('hex');
}

export interface Account {
  readonly name: string;
  readonly roles: readonly string[];
}

/** Hashes and checks the passwords of accounts. */
export class Passwords {
  readonly #iterations: number;

  /** @param iterations - The cost of a new hash, and of a check without an account. */
  constructor(iterations = DEFAULT_PBKDF2_ITERATIONS) {
    this.#iterations = iterations;
  }

  /** Returns the document with its password replaced by a hash. No password is ever stored. */
  async withHash(document: Json): Promise<Json> {
    const { password, ...rest } = document;
    if (password === undefined || password === null) return rest;
    if (typeof password !== 'string') throw forbidden('doc.password must be a string');
    const salt = randomBytes(16).toString('hex');
    return {
      ...rest,
      password_scheme: 'pbkdf2',
      pbkdf2_prf: DEFAULT_PRF,
      salt,
      iterations: this.#iterations,
      derived_key: await derivePasswordHash(password, salt, this.#iterations, DEFAULT_PRF),
    };
  }

  /** Resolves with the account if the password is correct. Takes as long when `document` is not an account. */
  async check(document: Json | undefined, password: string): Promise<Account | undefined> {
    const { data: stored } = passwordHashSchema.safeParse(document);
    const { salt, iterations, pbkdf2_prf } = stored ?? {
      salt: ABSENT_ACCOUNT_SALT,
      iterations: this.#iterations,
      pbkdf2_prf: DEFAULT_PRF,
    };
    const key = await derivePasswordHash(password, salt, iterations, pbkdf2_prf);
    if (stored === undefined || !isEqualConstantTime(key, stored.derived_key)) return undefined;
    return { name: stored.name, roles: stored.roles };
  }
}

/** Compares two strings in a time that does not depend on where they differ. */
export function isEqualConstantTime(a: string, b: string): boolean {
  const digest = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());
  return timingSafeEqual(digest(a), digest(b));
}

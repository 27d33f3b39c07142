import type { Pbkdf2, StoredHash } from './stored-hash.ts';

/** What a check of a password computes, in iterations of PBKDF2-HMAC-SHA256. */
export type Work = number;

/** The cost of one iteration relative to SHA-256, by OpenSSL on x86-64 without SHA extensions. */
const RELATIVE_COST: Readonly<Record<Pbkdf2['digest'], number>> = {
  sha1: 0.75,
  sha224: 1,
  sha256: 1,
  sha384: 1.3,
  sha512: 1.3,
};

/** The default of CouchDB since 3.4 ([chttpd_auth] iterations): about 0.2 s of one core. */
export const COUCHDB_WORK: Work = 600_000;

/** PBKDF2_ITERATIONS of the embedded engine: about 70 ms. */
export const EMBEDDED_WORK: Work = 150_000;

/**
 * The most that every check costs because an account costs it: about 0.7 s. One imported account with an extreme number of
 * iterations must not make all sign-ins slow.
 */
const MAX_COMMON_WORK: Work = 2_000_000;

/** Returns the work of computing a hash. */
export const workOf = (hash: StoredHash): Work =>
  hash.scheme === 'simple' ? 0 : Math.ceil(hash.iterations * RELATIVE_COST[hash.digest]);

/**
 * The work of every check of a password, so that the time of a response does not reveal whether an account exists: it is that of
 * the costliest account that this process has seen. A check of a cheaper account, or of none, does the rest for nothing.
 */
export class CommonWork {
  #work: Work;

  /** @param initial - The work of the accounts that the database creates by default. */
  constructor(initial: Work) {
    this.#work = initial;
  }

  /** Raises the work to that of an account's hash, up to a limit. */
  learn(hash: StoredHash | undefined): void {
    if (hash !== undefined) this.#work = Math.max(this.#work, Math.min(workOf(hash), MAX_COMMON_WORK));
  }

  /** Returns the work that is left to do after a hash was computed; all of it if there is none. */
  remainderAfter(hash: StoredHash | undefined): Work {
    return Math.max(0, this.#work - (hash === undefined ? 0 : workOf(hash)));
  }
}

import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Claims, Tokens } from './tokens.ts';

export interface VerificationCacheOptions {
  readonly verify: Tokens['verify'];
  /** The time in ms. */
  readonly now: () => number;
  /** The maximum number of cached tokens. The default is twice the expected number of live users. */
  readonly maxEntries?: number;
}

/** How long a verified token stays in the cache, in ms. A key that a provider revokes is accepted that much longer. */
const CACHE_TTL_MS = 60_000;
const DEFAULT_MAX_ENTRIES = 20_000;

/**
 * Caches verified tokens: a client that is notified of a change sends several requests with the same token in a row, and its signature
 * is verified once a minute. The key is a digest of the whole token, which may have 24 kB. The token's expiry is checked at each
 * call. Failures are not cached.
 */
export class VerificationCache {
  readonly #options: VerificationCacheOptions;
  readonly #cache: LRUCache<string, Claims>;

  constructor(options: VerificationCacheOptions) {
    const { now, maxEntries = DEFAULT_MAX_ENTRIES } = options;
    this.#options = options;
    // lru-cache takes an entry of exactly `ttl` for fresh. A resolution of 0 makes it read `now` at each call.
    this.#cache = new LRUCache({ max: maxEntries, ttl: CACHE_TTL_MS - 1, ttlResolution: 0, perf: { now } });
  }

  /** Rejects as `Tokens.verify` does. */
  readonly verify: Tokens['verify'] = async (token) => {
    const key = digestOf(token);
    const cached = this.#find(key);
    if (cached !== undefined) return cached;
    const claims = await this.#options.verify(token);
    this.#cache.set(key, claims);
    return claims;
  };

  /**
   * Finds the claims of a token that was verified within the last minute, for decisions that precede authentication. They grant
   * nothing: the user may have been suspended since.
   *
   * @returns The claims, or `undefined` for any other token.
   */
  find(token: string): Claims | undefined {
    return this.#find(digestOf(token));
  }

  #find(key: string): Claims | undefined {
    const cached = this.#cache.get(key);
    return cached !== undefined && this.#options.now() < cached.expiresAt ? cached : undefined;
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'base64');

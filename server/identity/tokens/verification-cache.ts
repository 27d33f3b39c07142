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
 * Returns `verify` with a cache: a client that is notified of a change sends several requests with the same token in a row, and
 * its signature is verified once a minute. The key is a digest of the whole token, which may have 24 kB. The token's expiry is
 * checked at each call. Failures are not cached.
 */
export function cacheVerification({
  verify,
  now,
  maxEntries = DEFAULT_MAX_ENTRIES,
}: VerificationCacheOptions): Tokens['verify'] {
  // lru-cache takes an entry of exactly `ttl` for fresh. A resolution of 0 makes it read `now` at each call.
  const cache = new LRUCache<string, Claims>({
    max: maxEntries,
    ttl: CACHE_TTL_MS - 1,
    ttlResolution: 0,
    perf: { now },
  });
  return async (token) => {
    const key = hash('sha256', token, 'base64');
    const cached = cache.get(key);
    if (cached !== undefined && now() < cached.expiresAt) return cached;
    const claims = await verify(token);
    cache.set(key, claims);
    return claims;
  };
}

import type { Claims, Tokens } from './tokens.ts';

export interface VerificationCacheOptions {
  readonly verify: Tokens['verify'];
  /** The time in ms. */
  readonly now: () => number;
  /** How many tokens are remembered at the most; the oldest gives way. */
  readonly maxEntries?: number;
}

/** In ms. A provider who takes back a key is believed that much later. */
const CACHE_TTL_MS = 60_000;
/** As many as there are live users, and as many again. */
const DEFAULT_MAX_ENTRIES = 20_000;

/**
 * `verify`, which does not check a signature again that it has found good within the last minute: a client that is told
 * of a change comes with the same token for several requests in a row. Only whole tokens are alike, and a token's end
 * is looked at each time. What was refused is not remembered.
 */
export function cacheVerification({
  verify,
  now,
  maxEntries = DEFAULT_MAX_ENTRIES,
}: VerificationCacheOptions): Tokens['verify'] {
  const cache = new Map<string, { readonly claims: Claims; readonly at: number }>();
  return async (token) => {
    const cached = cache.get(token);
    if (cached !== undefined && now() - cached.at < CACHE_TTL_MS && now() < cached.claims.expiresAt)
      return cached.claims;
    cache.delete(token);
    const claims = await verify(token);
    const [oldest] = cache.size >= maxEntries ? cache.keys() : [];
    if (oldest !== undefined) cache.delete(oldest);
    cache.set(token, { claims, at: now() });
    return claims;
  };
}

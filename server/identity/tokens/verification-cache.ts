import type { Claims, Tokens } from './tokens.ts';

export interface VerifiedTokensOptions {
  readonly verify: Tokens['verify'];
  /** The time in ms. */
  readonly now: () => number;
  /** How many tokens are remembered at the most; the oldest gives way. */
  readonly limit?: number;
}

/** In ms. A provider who takes back a key is believed that much later. */
const REMEMBERED = 60_000;
/** As many as there are live users, and as many again. */
const MOST = 20_000;

/**
 * `verify`, which does not check a signature again that it has found good within the last minute: a client that is told
 * of a change comes with the same token for several requests in a row. Only whole tokens are alike, and a token's end
 * is looked at each time. What was refused is not remembered.
 */
export function rememberVerified({ verify, now, limit = MOST }: VerifiedTokensOptions): Tokens['verify'] {
  const remembered = new Map<string, { readonly claims: Claims; readonly at: number }>();
  return async (token) => {
    const known = remembered.get(token);
    if (known !== undefined && now() - known.at < REMEMBERED && now() < known.claims.expiresAt) return known.claims;
    remembered.delete(token);
    const claims = await verify(token);
    const [oldest] = remembered.size >= limit ? remembered.keys() : [];
    if (oldest !== undefined) remembered.delete(oldest);
    remembered.set(token, { claims, at: now() });
    return claims;
  };
}

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { SigningKey } from 'jwks-rsa';
import type { TokenConfig } from '../../config/config.ts';
import { unauthorized, serviceUnavailable } from '../../http/errors.ts';

/** The algorithms that another identity provider may use. */
type ProviderAlgorithm = 'RS256' | 'ES256';

/** Finds the provider's key for a token's header. Rejects with 401 for an unknown key, 503 when the provider is unreachable. */
export type FindKey = (algorithm: ProviderAlgorithm, keyId: string | undefined) => Promise<KeyObject>;

/** Returns undefined when no other identity provider is configured. */
export function createKeyFinder(provider: TokenConfig['provider'], now: () => number): FindKey | undefined {
  switch (provider.kind) {
    case 'none':
      return undefined;
    case 'public-key': {
      const key = createPublicKey(provider.pem);
      return () => Promise.resolve(key);
    }
    case 'jwks':
      return createJwksKeyFinder(provider.url, now);
  }
}

/** Times in ms. */
const JWKS = {
  /** A key set is fetched again after this time, so a revoked key is rejected by then. */
  maxAgeMs: 10 * 60_000,
  /** How long a known key is used while the provider does not respond. */
  maxStaleMs: 60 * 60_000,
  /** Unknown key ids cause at most one request in this time, because anyone can send such a token. */
  cooldownMs: 10_000,
  timeoutMs: 5_000,
} as const;

interface KeySet {
  readonly keys: readonly SigningKey[];
  readonly fetchedAt: number;
}

const unknownKey = () => unauthorized('The token is signed with a key that the identity provider does not have.');

/**
 * Caches the provider's whole key set. The cache and rate limit of jwks-rsa work by key id, so tokens with made-up ids would
 * use up the requests that valid tokens need.
 */
function createJwksKeyFinder(url: string, now: () => number): FindKey {
  let keySet: KeySet | undefined;
  let lastFetchAt = -Infinity;
  let pendingFetch: Promise<void> | undefined;

  const fetchKeys = async (): Promise<void> => {
    lastFetchAt = now();
    // Imported here, because it takes a large part of the start-up time, and only servers with such a provider need it.
    const { JwksClient } = await import('jwks-rsa');
    const client = new JwksClient({ jwksUri: url, cache: false, rateLimit: false, fetcher: fetchKeySet });
    keySet = { keys: await client.getSigningKeys(), fetchedAt: now() };
  };
  const refresh = async (): Promise<void> => {
    pendingFetch ??= fetchKeys().finally(() => {
      pendingFetch = undefined;
    });
    await pendingFetch;
  };
  const findInSet = (algorithm: string, keyId: string | undefined): SigningKey | undefined => {
    const candidates = keySet?.keys.filter(
      (key) => key.alg === algorithm || (key.alg as string | undefined) === undefined,
    );
    // Without a key id only a set of one key is unambiguous (RFC 7515, 4.1.4).
    if (keyId === undefined) return candidates?.length === 1 ? candidates[0] : undefined;
    return candidates?.find((key) => key.kid === keyId);
  };
  const ageMs = (): number => (keySet === undefined ? Infinity : now() - keySet.fetchedAt);

  return async (algorithm, keyId) => {
    const found = findInSet(algorithm, keyId);
    if (found !== undefined && ageMs() < JWKS.maxAgeMs) return createPublicKey(found.getPublicKey());
    const canFetch = pendingFetch !== undefined || now() - lastFetchAt >= JWKS.cooldownMs;
    const failed = canFetch
      ? await refresh().then(
          () => false,
          () => true,
        )
      : ageMs() > JWKS.cooldownMs;
    const key = findInSet(algorithm, keyId);
    if (key !== undefined && ageMs() < JWKS.maxStaleMs) return createPublicKey(key.getPublicKey());
    // The cached set may be too old to conclude that the key does not exist.
    if (failed) throw serviceUnavailable('The identity provider does not respond, so the token cannot be verified.');
    throw unknownKey();
  };
}

/** Fetches a key set. It rejects a redirect, which may lead to a host that is not configured, and times out. */
async function fetchKeySet(uri: string): Promise<{ keys: unknown }> {
  const response = await fetch(uri, {
    redirect: 'manual',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(JWKS.timeoutMs),
  });
  const body: unknown = await response.json();
  if (!response.ok || typeof body !== 'object' || body === null || !('keys' in body) || !Array.isArray(body.keys)) {
    throw new Error(`The identity provider's response is not a key set (status ${response.status}).`);
  }
  return { keys: body.keys };
}

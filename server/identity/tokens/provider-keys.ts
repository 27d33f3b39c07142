import { createPublicKey, type KeyObject } from 'node:crypto';
import type { TokenConfig } from '../../config/config.ts';
import { serviceUnavailable } from '../../http/errors.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';

/** The algorithms that another identity provider may use. */
type ProviderAlgorithm = 'RS256' | 'ES256';

/**
 * Finds the provider's key for a token's header. Resolves with undefined when the provider's only key is for another algorithm.
 * Rejects with 401 for an unknown key, 503 when the provider is unreachable.
 */
export type FindKey = (algorithm: ProviderAlgorithm, keyId: string | undefined) => Promise<KeyObject | undefined>;

/** Whether a key is of the type that the algorithm uses (RFC 7518, 3.3 and 3.4). A key set need not say it (RFC 7517, 4.4). */
const fits = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject, algorithm: ProviderAlgorithm) =>
  algorithm === 'RS256' ? type === 'rsa' : type === 'ec' && details?.namedCurve === 'prime256v1';

/** Returns undefined when no other identity provider is configured. */
export function createKeyFinder(provider: TokenConfig['provider'], now: () => number): FindKey | undefined {
  switch (provider.kind) {
    case 'none':
      return undefined;
    case 'public-key': {
      const key = createPublicKey(provider.pem);
      return (algorithm) => Promise.resolve(fits(key, algorithm) ? key : undefined);
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

interface ProviderKey {
  readonly id: string | undefined;
  /** Not every provider publishes it: Microsoft Entra does not. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

interface KeySet {
  readonly keys: readonly ProviderKey[];
  readonly fetchedAt: number;
}

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
    const signingKeys = await client.getSigningKeys();
    const toKey = (key: (typeof signingKeys)[number]): ProviderKey => ({
      id: key.kid,
      algorithm: key.alg,
      key: createPublicKey(key.getPublicKey()),
    });
    keySet = { keys: signingKeys.map(toKey), fetchedAt: now() };
  };
  const refresh = async (): Promise<void> => {
    pendingFetch ??= fetchKeys().finally(() => {
      pendingFetch = undefined;
    });
    await pendingFetch;
  };
  const findInSet = (algorithm: ProviderAlgorithm, keyId: string | undefined): KeyObject | undefined => {
    const candidates = keySet?.keys.filter(
      (each) => (each.algorithm ?? algorithm) === algorithm && fits(each.key, algorithm),
    );
    // Without a key id only a set of one key is unambiguous (RFC 7515, 4.1.4).
    if (keyId === undefined) return candidates?.length === 1 ? candidates[0]?.key : undefined;
    return candidates?.find(({ id }) => id === keyId)?.key;
  };
  const ageMs = (): number => (keySet === undefined ? Infinity : now() - keySet.fetchedAt);

  return async (algorithm, keyId) => {
    const found = findInSet(algorithm, keyId);
    if (found !== undefined && ageMs() < JWKS.maxAgeMs) return found;
    const canFetch = pendingFetch !== undefined || now() - lastFetchAt >= JWKS.cooldownMs;
    const failed = canFetch
      ? await refresh().then(
          () => false,
          () => true,
        )
      : ageMs() > JWKS.cooldownMs;
    const key = findInSet(algorithm, keyId);
    if (key !== undefined && ageMs() < JWKS.maxStaleMs) return key;
    // The cached set may be too old to conclude that the key does not exist.
    if (failed) throw serviceUnavailable('The identity provider does not respond, so the token cannot be verified.');
    throw tokenRefusal('token-unknown-key');
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

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { TokenConfig } from '../../config/config.ts';
import { serviceUnavailable } from '../../http/errors.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import {
  describeKeySetFailure,
  fetchProviderKeys,
  fitsAlgorithm,
  verifies,
  type ProviderAlgorithm,
  type ProviderKey,
} from './key-set.ts';

/**
 * Finds the provider's key for a token's header. Resolves with undefined when the provider's only key is for another algorithm.
 * Rejects with 401 for an unknown key, 503 when the provider is unreachable.
 */
export type FindKey = (algorithm: ProviderAlgorithm, keyId: string | undefined) => Promise<KeyObject | undefined>;

export interface KeyFinderOptions {
  readonly now: () => number;
  /** Called with the reason when the provider's key set could not be fetched: at most once per cooldown. */
  readonly onFailure: (reason: string) => void;
  /** Called with the number of keys of a key set that are refused because they are too short. */
  readonly onWeakKeys: (count: number) => void;
}

/** Returns undefined when no other identity provider is configured. */
export function createKeyFinder(provider: TokenConfig['provider'], options: KeyFinderOptions): FindKey | undefined {
  switch (provider.kind) {
    case 'none':
      return undefined;
    case 'public-key': {
      const key = createPublicKey(provider.pem);
      return (algorithm) => Promise.resolve(fitsAlgorithm(key, algorithm) ? key : undefined);
    }
    case 'jwks':
      return createJwksKeyFinder(provider.url, options);
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
} as const;

interface KeySet {
  readonly keys: readonly ProviderKey[];
  readonly fetchedAt: number;
}

/**
 * Caches the provider's whole key set. The cache and rate limit of jwks-rsa work by key id, so tokens with made-up ids would
 * use up the requests that valid tokens need.
 */
function createJwksKeyFinder(url: string, { now, onFailure, onWeakKeys }: KeyFinderOptions): FindKey {
  let keySet: KeySet | undefined;
  let lastFetchAt = -Infinity;
  let pendingFetch: Promise<void> | undefined;

  const fetchKeys = async (): Promise<void> => {
    lastFetchAt = now();
    const { keys, weak } = await fetchProviderKeys(url);
    if (weak > 0) onWeakKeys(weak);
    keySet = { keys, fetchedAt: now() };
  };
  const refresh = async (): Promise<void> => {
    pendingFetch ??= fetchKeys()
      .catch((error: unknown) => {
        onFailure(describeKeySetFailure(error));
        throw error;
      })
      .finally(() => {
        pendingFetch = undefined;
      });
    await pendingFetch;
  };
  const findInSet = (algorithm: ProviderAlgorithm, keyId: string | undefined): KeyObject | undefined => {
    const candidates = keySet?.keys.filter((each) => verifies(each, algorithm));
    // Without a key id only a set of one key is unambiguous (RFC 7515, 4.1.4).
    if (keyId === undefined) return candidates?.length === 1 ? candidates[0]?.key : undefined;
    return candidates?.find(({ id }) => id === keyId)?.key;
  };
  /** Of a time in the future, too: the clock was set back since then. */
  const msSince = (time: number): number => Math.abs(now() - time);
  const ageMs = (): number => (keySet === undefined ? Infinity : msSince(keySet.fetchedAt));

  return async (algorithm, keyId) => {
    const found = findInSet(algorithm, keyId);
    if (found !== undefined && ageMs() < JWKS.maxAgeMs) return found;
    const canFetch = pendingFetch !== undefined || msSince(lastFetchAt) >= JWKS.cooldownMs;
    const failed = canFetch
      ? await refresh().then(
          () => false,
          () => true,
        )
      : ageMs() > JWKS.cooldownMs;
    const key = findInSet(algorithm, keyId);
    if (key !== undefined && ageMs() < JWKS.maxStaleMs) return key;
    // The cached set may be too old to conclude that the key does not exist.
    if (failed)
      throw serviceUnavailable('The keys of the identity provider cannot be read, so the token cannot be verified.');
    throw tokenRefusal('token-unknown-key');
  };
}

import { createPublicKey, type KeyObject } from 'node:crypto';
import jwksClient from 'jwks-rsa';
import type { TokenConfig } from '../../config/config.ts';
import { unauthorized, unavailable } from '../../http/errors.ts';

/** The algorithms that another identity provider may sign with. */
type ProviderAlgorithm = 'RS256' | 'ES256';

/** Finds the provider's key for a token's header. Rejects with 401 when there is none, 503 when nobody could be asked. */
export type FindKey = (algorithm: ProviderAlgorithm, keyId: string | undefined) => Promise<KeyObject>;

/** Undefined when no other identity provider is configured. */
export function createKeyFinder(provider: TokenConfig['provider'], now: () => number): FindKey | undefined {
  switch (provider.kind) {
    case 'none':
      return undefined;
    case 'public-key': {
      const key = createPublicKey(provider.pem);
      return () => Promise.resolve(key);
    }
    case 'jwks':
      return createJwksFinder(provider.url, now);
  }
}

/** Times in ms. */
const JWKS = {
  /** A provider who takes a key back is believed within this. */
  maxAge: 10 * 60_000,
  /** How long known keys serve on while the provider does not answer. */
  maxAgeInOutage: 60 * 60_000,
  /** Key ids that nobody knows cost at most one request in this time: anyone can make such a token. */
  pause: 10_000,
  timeout: 5_000,
} as const;

interface KeySet {
  readonly keys: readonly jwksClient.SigningKey[];
  readonly fetchedAt: number;
}

const unknownKey = () => unauthorized('The token is signed with a key that the identity provider does not have.');

/**
 * The provider's key set, kept whole. The package's own cache and rate limit are by key id, so that tokens with
 * made-up ids would use up the requests that real ones need.
 */
function createJwksFinder(url: string, now: () => number): FindKey {
  const client = jwksClient({ jwksUri: url, cache: false, rateLimit: false, fetcher: fetchKeySet });
  let known: KeySet | undefined;
  let askedAt = -Infinity;
  let asking: Promise<void> | undefined;

  const ask = async (): Promise<void> => {
    askedAt = now();
    known = { keys: await client.getSigningKeys(), fetchedAt: now() };
  };
  const refresh = async (): Promise<void> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    await asking;
  };
  const find = (algorithm: string, keyId: string | undefined): jwksClient.SigningKey | undefined => {
    const fitting = known?.keys.filter((key) => key.alg === algorithm || (key.alg as string | undefined) === undefined);
    // RFC 7515, 4.1.4: without a key id only a set of one key is unambiguous.
    if (keyId === undefined) return fitting?.length === 1 ? fitting[0] : undefined;
    return fitting?.find((key) => key.kid === keyId);
  };
  const age = (): number => (known === undefined ? Infinity : now() - known.fetchedAt);

  return async (algorithm, keyId) => {
    const found = find(algorithm, keyId);
    if (found !== undefined && age() < JWKS.maxAge) return createPublicKey(found.getPublicKey());
    const mayAsk = asking !== undefined || now() - askedAt >= JWKS.pause;
    const failed = mayAsk
      ? await refresh().then(
          () => false,
          () => true,
        )
      : age() > JWKS.pause;
    const key = find(algorithm, keyId);
    if (key !== undefined && age() < JWKS.maxAgeInOutage) return createPublicKey(key.getPublicKey());
    // The set that we have may be too old to say that a key does not exist.
    if (failed) throw unavailable('The identity provider does not answer, so the token cannot be checked.');
    throw unknownKey();
  };
}

/** A redirect is no answer, since it may lead to where nobody configured; a silence ends. */
async function fetchKeySet(uri: string): Promise<{ keys: unknown }> {
  const answer = await fetch(uri, {
    redirect: 'manual',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(JWKS.timeout),
  });
  const body: unknown = await answer.json();
  if (!answer.ok || typeof body !== 'object' || body === null || !('keys' in body) || !Array.isArray(body.keys)) {
    throw new Error(`The identity provider's answer is not a key set (status ${answer.status}).`);
  }
  return { keys: body.keys };
}

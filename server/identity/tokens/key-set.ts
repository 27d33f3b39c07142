import { createPublicKey, type KeyObject } from 'node:crypto';
import { describeMissingResponse } from '../../http/upstream-failure.ts';
import { parseJson } from '../../lib/json.ts';

/** The algorithms that another identity provider may use. */
export type ProviderAlgorithm = 'RS256' | 'ES256';

export interface ProviderKey {
  readonly id: string | undefined;
  /** Not every provider publishes it: Microsoft Entra does not. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

/** The keys that an identity provider publishes for signatures. */
export interface ProviderKeys {
  /** Without the weak ones. */
  readonly keys: readonly ProviderKey[];
  /** How many RSA keys are refused because they are too short. */
  readonly weak: number;
}

/** Of the whole response. */
const TIMEOUT_MS = 5_000;
/** A key takes some 2 kB with its certificates, and no provider publishes more than a few dozen. */
const MAX_RESPONSE_BYTES = 1024 * 1024;
/** RFC 7518, 3.3. The private key of a shorter one can be computed. */
const MIN_RSA_BITS = 2048;

/** The response of the provider is not a key set. Its message contains nothing of the response, except the status. */
class KeySetError extends Error {}

/** Whether a key is of the type that the algorithm uses (RFC 7518, 3.3 and 3.4). A key set need not say it (RFC 7517, 4.4). */
export const fitsAlgorithm = (
  { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject,
  algorithm: ProviderAlgorithm,
): boolean => (algorithm === 'RS256' ? type === 'rsa' : type === 'ec' && details?.namedCurve === 'prime256v1');

const isWeak = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean =>
  type === 'rsa' && (details?.modulusLength ?? 0) < MIN_RSA_BITS;

/** Whether a key of a set verifies signatures of the algorithm. */
export const verifies = ({ algorithm: published, key }: ProviderKey, algorithm: ProviderAlgorithm): boolean =>
  (published ?? algorithm) === algorithm && fitsAlgorithm(key, algorithm);

/** Fetches the keys of a JWKS URL that verify signatures. Rejects if there is none; see `describeKeySetFailure`. */
export async function fetchProviderKeys(url: string): Promise<ProviderKeys> {
  const keySet = await fetchKeySet(url);
  // Imported here, because it takes a large part of the start-up time, and only servers with such a provider need it.
  const { JwksClient } = await import('jwks-rsa');
  const fetcher = (): Promise<{ keys: unknown }> => Promise.resolve(keySet);
  const client = new JwksClient({ jwksUri: url, cache: false, rateLimit: false, fetcher });
  const signingKeys = await client.getSigningKeys().catch((error: unknown) => {
    throw new KeySetError('no key for signatures', { cause: error });
  });
  const all = signingKeys.map((key) => ({
    id: key.kid,
    algorithm: key.alg,
    key: createPublicKey(key.getPublicKey()),
  }));
  const keys = all.filter(({ key }) => !isWeak(key));
  return { keys, weak: all.length - keys.length };
}

/**
 * Fetches a key set. It rejects a redirect, which may lead to a host that is not configured, and a response that is too large or
 * takes too long.
 */
async function fetchKeySet(url: string): Promise<{ keys: unknown }> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new KeySetError(`status ${response.status}`);
  }
  const body = parseJson(await readText(response));
  if (typeof body !== 'object' || body === null || !('keys' in body) || !Array.isArray(body.keys)) {
    throw new KeySetError('the response is not a key set');
  }
  return { keys: body.keys };
}

/** Reads a body up to the limit. Leaving the loop cancels the rest. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_RESPONSE_BYTES) throw new KeySetError('the response is larger than 1 MiB');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Returns why a key set could not be fetched, such as `status 404` or `ECONNREFUSED`. It contains nothing of the response. */
export const describeKeySetFailure = (error: unknown): string =>
  error instanceof KeySetError ? error.message : (describeMissingResponse(error).reason ?? 'no response');

import type { TokenConfig } from '../../config/config.ts';
import { describeKeySetFailure, fetchProviderKeys, verifies, type ProviderKey } from '../../identity/tokens/key-set.ts';
import { errorFinding, okFinding, type Finding } from './finding.ts';

const CHECK = 'provider keys';

/** Checks that the key set of the identity provider can be read from this machine, and has a key for the gate's algorithms. */
export async function checkProviderKeys({ provider }: Pick<TokenConfig, 'provider'>): Promise<Finding[]> {
  if (provider.kind !== 'jwks') return [];
  try {
    const { keys, weak } = await fetchProviderKeys(provider.url);
    return [evaluateKeys(keys), ...evaluateWeakKeys(weak)];
  } catch (error) {
    const cause = describeKeySetFailure(error);
    const sentence = `The key set of JWKS_URL cannot be read (${cause}), so requests get 503. Set it to the jwks_uri of the provider, and check that this machine reaches it.`;
    return [errorFinding(CHECK, sentence)];
  }
}

const evaluateWeakKeys = (count: number): Finding[] =>
  count === 0
    ? []
    : [
        errorFinding(
          CHECK,
          `The key set of JWKS_URL has RSA keys with fewer than 2,048 bits, which are refused: ${count}. Configure the provider to sign with another key.`,
        ),
      ];

function evaluateKeys(keys: readonly ProviderKey[]): Finding {
  const usable = keys.filter((key) => verifies(key, 'RS256') || verifies(key, 'ES256')).length;
  return usable > 0
    ? okFinding(CHECK, `The key set of JWKS_URL has keys for RS256 or ES256: ${usable}.`)
    : errorFinding(
        CHECK,
        'The key set of JWKS_URL has no key for RS256 or ES256. Configure the provider to sign with one.',
      );
}

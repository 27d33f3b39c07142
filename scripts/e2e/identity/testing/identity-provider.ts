import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { listenOnFreePort } from '../../../../server/testing/test-identity.ts';

/** A stand-in for an identity provider: it signs tokens, and publishes the public half of its key. */
export interface TestIdentityProvider {
  /** The URL of the key set, on loopback. */
  readonly jwksUrl: string;
  /** Signs a token as the provider does, with its header and its payload. */
  readonly sign: (header: jwt.JwtHeader, payload: object) => string;
}

export interface TestIdentityProviderOptions {
  readonly algorithm: 'RS256' | 'ES256';
  /** The id of the key that signs. The key set has another key too, as during a rotation. */
  readonly kid: string;
  /** The members of a published key besides `kid` and the key itself: not every provider has `alg`. */
  readonly jwkMembers: object;
}

const generateKeys = (
  algorithm: 'RS256' | 'ES256',
): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =>
  algorithm === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });

export async function startIdentityProvider({
  algorithm,
  kid,
  jwkMembers,
}: TestIdentityProviderOptions): Promise<TestIdentityProvider> {
  const [current, next] = [generateKeys(algorithm), generateKeys(algorithm)];
  const toJwk = ({ publicKey }: typeof current, id: string): object => ({
    ...publicKey.export({ format: 'jwk' }),
    ...jwkMembers,
    kid: id,
  });
  const keys = [toJwk(next, 'the next key'), toJwk(current, kid)];
  const server = createServer((_req, res) =>
    res.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })),
  );
  const port = await listenOnFreePort(server);
  closeAfterTests({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return {
    jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
    sign: (header, payload) => jwt.sign(payload, current.privateKey, { algorithm, header, noTimestamp: true }),
  };
}

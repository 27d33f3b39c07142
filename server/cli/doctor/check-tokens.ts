import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { TokenConfig } from '../../config/config.ts';
import { signUpstreamToken } from '../../upstream/authorization.ts';
import { parseSession } from '../../upstream/connect.ts';
import { adviseOnRejection, getTokenRejection } from '../../upstream/schema/verify-schema.ts';
import { keyIdOf } from '../../upstream/jwt-key-id.ts';
import { checkUserRequests } from './check-user-requests.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

/** Checks which tokens the gate accepts, and that CouchDB accepts the gate's own with the right role, and no others. */
export async function checkTokens(context: DoctorContext): Promise<Finding[]> {
  return [
    ...(await checkGateKey(context)),
    await checkAccessToken(context),
    ...evaluateTokenClaims(context.config.tokens),
  ];
}

/** Reports an identity provider whose tokens are accepted for any issuer or audience (RFC 8725, 3.8 and 3.9). */
export function evaluateTokenClaims({
  provider,
  issuer,
  audience,
}: Pick<TokenConfig, 'provider' | 'issuer' | 'audience'>): Finding[] {
  if (provider.kind === 'none') return [];
  return [
    issuer === undefined
      ? infoFinding(
          'issuer',
          "JWT_ISSUER is any, so every issuer that signs with the provider's keys can name any user. Set it to the iss of the provider's tokens.",
        )
      : okFinding('issuer', 'Tokens of one issuer are accepted.'),
    audience === undefined
      ? infoFinding(
          'audience',
          'JWT_AUDIENCE is any, so a token that the provider issued for another application gives access here. Set it to the audience of this one, and JWT_AUDIENCE_CLAIM to azp or client_id if the tokens have no aud.',
        )
      : okFinding('audience', 'Tokens for one audience are accepted.'),
  ];
}

async function checkGateKey(context: DoctorContext): Promise<Finding[]> {
  const { upstream, jwtSecret, config } = context;
  if (jwtSecret === undefined) {
    return [
      infoFinding(
        'key',
        'COUCHDB_JWT_SECRET is not set, so users\' requests are sent as the service account, and CouchDB does not know the user. Run "npm run setup", and set the environment that it prints.',
      ),
    ];
  }
  const key = `hmac:${keyIdOf(jwtSecret)}`;
  const rejection = await getTokenRejection(upstream, jwtSecret);
  if (rejection !== undefined) {
    return [
      errorFinding(
        'key',
        `CouchDB does not accept tokens of COUCHDB_JWT_SECRET, whose key is ${key} (${rejection}). ${adviseOnRejection(rejection, 'Run "npm run setup" with this secret.')}`,
      ),
    ];
  }
  const statusWith = async (roles: readonly string[]): Promise<number> => {
    const token = signUpstreamToken(jwtSecret, { name: randomName(), roles, expiresAt: expiresInOneMinute(context) });
    return fetchStatus(context, `/${encodeURIComponent(config.registry)}`, token);
  };
  const [member, stranger] = [await statusWith(['registry_user']), await statusWith([])];
  return [
    okFinding('key', `CouchDB accepts tokens of the key ${key}.`),
    member === 200
      ? okFinding('registry by token', 'A token of that key with the role registry_user can read the registry.')
      : errorFinding(
          'registry by token',
          `A token of that key with the role registry_user cannot read the registry (status ${member}). Run "npm run setup".`,
        ),
    stranger === 403
      ? okFinding('registry by role', 'A token without the role registry_user cannot read the registry.')
      : errorFinding(
          'registry by role',
          `The registry responds to a token without the role registry_user with status ${stranger} instead of 403. Run "npm run setup".`,
        ),
    ...(await checkUserRequests(context, jwtSecret)),
  ];
}

/** Checks that CouchDB rejects the tokens that browsers have for the gate. */
async function checkAccessToken(context: DoctorContext): Promise<Finding> {
  const check = "users' tokens";
  const { secret } = context.config.tokens;
  if (secret.kind !== 'given') {
    return skippedFinding(
      check,
      "Another identity provider signs users' tokens. Check that none of its keys is in CouchDB's [jwt_keys].",
    );
  }
  const name = randomName();
  for (const [n, value] of secret.values.entries()) {
    const token = jwt.sign(
      { sub: name, '_couchdb.roles': ['registry_user'], exp: expiresInOneMinute(context) },
      value,
      {
        algorithm: 'HS256',
      },
    );
    const response = await context.upstream.fetch('/_session', { headers: bearerHeaders(token), redirect: 'manual' });
    const body: unknown = await response.json().catch(() => undefined);
    if (parseSession(body)?.name === name) {
      return errorFinding(
        check,
        `CouchDB itself accepts users' tokens, so users can bypass the gate: ${n === 0 ? 'JWT_SECRET' : 'a secret in JWT_SECRETS_ACCEPTED'} is one of its [jwt_keys]. Change the gate's secret.`,
      );
    }
  }
  return okFinding(check, "CouchDB rejects users' tokens.");
}

/** Not a valid username, because of its upper-case letter. */
const randomName = (): string => `Doctor-${randomBytes(8).toString('hex')}`;
const expiresInOneMinute = ({ upstream }: DoctorContext): number => Math.floor(upstream.clock.now() / 1000) + 60;
const bearerHeaders = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  accept: 'application/json',
});

async function fetchStatus({ upstream }: DoctorContext, path: string, token: string): Promise<number> {
  const response = await upstream.fetch(path, { headers: bearerHeaders(token), redirect: 'manual' });
  await response.arrayBuffer();
  return response.status;
}

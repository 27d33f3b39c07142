import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { getTokenRejection } from '../../upstream/schema/verify-schema.ts';
import { keyIdOf } from '../../upstream/jwt-key-id.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

/** That CouchDB takes the gate's tokens, by what is in them, and no other. */
export async function checkTokens(context: DoctorContext): Promise<Finding[]> {
  return [...(await checkGateKey(context)), await checkAccessToken(context)];
}

async function checkGateKey(context: DoctorContext): Promise<Finding[]> {
  const { upstream, jwtSecret, config } = context;
  if (jwtSecret === undefined) {
    return [
      infoFinding(
        'key',
        'COUCHDB_JWT_SECRET is not set: users\' requests are made as the service account, and CouchDB does not check whose they are. Run "npm run setup", and set what it prints.',
      ),
    ];
  }
  const key = `hmac:${keyIdOf(jwtSecret)}`;
  const refusal = await getTokenRejection(upstream, jwtSecret);
  if (refusal !== undefined) {
    return [
      errorFinding(
        'key',
        `CouchDB does not take tokens of COUCHDB_JWT_SECRET, whose key is ${key} (${refusal}); run "npm run setup" with this secret.`,
      ),
    ];
  }
  const statusWith = async (roles: readonly string[]): Promise<number> => {
    const claims = { sub: randomName(), '_couchdb.roles': roles, exp: expiresInOneMinute() };
    const token = jwt.sign(claims, jwtSecret, { algorithm: 'HS256', noTimestamp: true, keyid: keyIdOf(jwtSecret) });
    return fetchStatus(context, `/${encodeURIComponent(config.registry)}`, token);
  };
  const [member, stranger] = [await statusWith(['registry_user']), await statusWith([])];
  return [
    okFinding('key', `CouchDB takes tokens of the key ${key}.`),
    member === 200
      ? okFinding('registry by token', 'A user of the registry may read it by a token of that key.')
      : errorFinding(
          'registry by token',
          `A user of the registry may not read it by a token of that key (status ${member}); run "npm run setup".`,
        ),
    stranger === 403
      ? okFinding('registry by role', 'Whoever has not the role registry_user may not.')
      : errorFinding(
          'registry by role',
          `A token without the role registry_user is answered ${stranger} at the registry; run "npm run setup".`,
        ),
  ];
}

/** What browsers hold must be good for the gate alone. */
async function checkAccessToken(context: DoctorContext): Promise<Finding> {
  const check = "users' tokens";
  const { secret } = context.config.tokens;
  if (secret.kind !== 'given') {
    return skippedFinding(
      check,
      "Whether CouchDB takes users' tokens: another identity provider signs them. See that none of its keys is in [jwt_keys].",
    );
  }
  const name = randomName();
  for (const [n, value] of secret.values.entries()) {
    const token = jwt.sign({ sub: name, '_couchdb.roles': ['registry_user'], exp: expiresInOneMinute() }, value, {
      algorithm: 'HS256',
    });
    const answer = await context.upstream.fetch('/_session', { headers: bearerHeaders(token), redirect: 'manual' });
    const body: unknown = await answer.json().catch(() => undefined);
    if (sessionSchema.safeParse(body).data?.userCtx.name === name) {
      return errorFinding(
        check,
        `CouchDB takes the tokens of users itself, so they can go around the gate: ${n === 0 ? 'JWT_SECRET' : 'what is in JWT_SECRETS_ACCEPTED'} is one of its [jwt_keys]. Give the gate another one.`,
      );
    }
  }
  return okFinding(check, 'CouchDB does not take the tokens that users hold.');
}

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable() }) });
/** No username: it has an upper-case letter. */
const randomName = (): string => `Doctor-${randomBytes(8).toString('hex')}`;
const expiresInOneMinute = (): number => Math.floor(Date.now() / 1000) + 60;
const bearerHeaders = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  accept: 'application/json',
});

async function fetchStatus({ upstream }: DoctorContext, path: string, token: string): Promise<number> {
  const response = await upstream.fetch(path, { headers: bearerHeaders(token), redirect: 'manual' });
  await response.arrayBuffer();
  return response.status;
}

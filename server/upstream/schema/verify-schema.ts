import type nano from 'nano';
import { z } from 'zod';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { statusOf, type Upstream } from '../client.ts';
import { readDatabaseDesign, type DatabaseDesign } from './design-documents.ts';
import { compareDesign, describePrefixMismatch } from './design-hash.ts';
import { upstreamAuthorization } from '../authorization.ts';
import { keyIdOf } from '../jwt-key-id.ts';
import { parseSession, type UpstreamAccount } from '../connect.ts';
import { SERVICE_ROLE } from './security-objects.ts';
import { withOperatorMessage, errorMessage, SetupError } from '../setup-error.ts';

export interface VerifySchemaOptions {
  readonly couch: nano.ServerScope;
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix?: string;
  readonly account: UpstreamAccount;
  readonly design?: DatabaseDesign;
}

const RUN_SETUP_HINT = 'Run "npm run setup" with the credentials of a server admin';

/**
 * Verifies, as the service account, that set-up has been run.
 *
 * @returns A warning for each design document of another version. That must not keep a gate from starting: during a rolling
 * update older gates may be restarted as well.
 * @throws {SetupError} With a sentence for each thing that is missing.
 */
export async function verifySchema(options: VerifySchemaOptions): Promise<readonly string[]> {
  const { couch, registry, sessions, account } = options;
  const name = account.name ?? 'The anonymous user';
  if (!account.roles.includes(SERVICE_ROLE)) {
    throw new SetupError(
      `${name} is neither a server admin nor a service account. ${RUN_SETUP_HINT}, and use the account that it prints.`,
    );
  }
  const problems: string[] = [];
  for (const database of ['_users', sessions, registry]) {
    const status = await readStatus(couch, { db: database });
    if (status === 404) problems.push(`The database ${database} does not exist.`);
    else if (status !== 200)
      problems.push(`The account ${name} may not use the database ${database} (status ${status}).`);
  }
  const warnings: string[] = [];
  const { designs } = options.design ?? (await readDatabaseDesign(options.idPrefix));
  for (const expected of problems.length > 0 ? [] : designs) {
    const stored = await readDesign(couch, registry, expected._id);
    const comparison = compareDesign(expected, stored);
    if (comparison === 'absent') problems.push(`${expected._id} is missing in the database ${registry}.`);
    else if (comparison === 'other-prefix' && stored !== undefined) {
      throw new SetupError(`${describePrefixMismatch(expected, stored, registry)}.`);
    } else if (comparison !== 'current') warnings.push(`${expected._id} is not that of this version of Pouchgate.`);
  }
  if (problems.length > 0) throw new SetupError(`${problems.join(' ')} ${RUN_SETUP_HINT}.`);
  return warnings;
}

async function readStatus(couch: nano.ServerScope, request: nano.RequestOptions): Promise<number> {
  try {
    await couch.request(request);
    return 200;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined)
      throw new SetupError(`CouchDB does not respond. (${errorMessage(error)})`, { cause: error });
    return status;
  }
}

const designSchema = z.record(z.string(), z.unknown());

async function readDesign(
  couch: nano.ServerScope,
  db: string,
  path: string,
): Promise<Record<string, unknown> | undefined> {
  if ((await readStatus(couch, { db, path })) === 404) return undefined;
  return designSchema.parse(await withOperatorMessage(`read ${path}`, couch.request({ db, path })));
}

/** Sends a token of this secret. Resolves with the reason why the upstream rejects it; undefined if it accepts it. */
export async function getTokenRejection(
  { access, fetch, clock }: Pick<Upstream, 'access' | 'fetch' | 'clock'>,
  secret: Buffer,
): Promise<string | undefined> {
  const probeUsername = parseUsername('nobody');
  if (probeUsername === undefined) throw new Error('not a username');
  const authorization = upstreamAuthorization(access, secret, clock.now)(probeUsername);
  const response = await fetch('/_session', {
    headers: { authorization, accept: 'application/json' },
    redirect: 'manual',
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && parseSession(body)?.name === probeUsername) return undefined;
  const reason = z.object({ reason: z.string() }).safeParse(body).data?.reason;
  return response.ok ? 'it is ignored' : `status ${response.status}${reason === undefined ? '' : `, ${reason}`}`;
}

/** CouchDB's reasons for a claim that `required_claims` demands (jwtf.erl): `Missing iss claim`, `Invalid iss claim`. */
const CLAIM_REJECTION = /\b(?:Missing|Invalid) \w+ claim\b/;

/** Returns what to do about a rejection. Set-up changes no `required_claims` that exists, so it would not help there. */
export const adviseOnRejection = (rejection: string, runSetup: string): string =>
  CLAIM_REJECTION.test(rejection) ? 'Set [jwt_auth] required_claims to exp on all nodes of CouchDB.' : runSetup;

/** Throws a SetupError if the upstream does not accept the gate's tokens, which would lock out every user. */
export async function assertTokenAccepted(
  upstream: Pick<Upstream, 'access' | 'fetch' | 'clock'>,
  secret: Buffer,
): Promise<void> {
  const rejection = await withOperatorMessage('check whether tokens are accepted', getTokenRejection(upstream, secret));
  if (rejection === undefined) return;
  throw new SetupError(
    `CouchDB does not accept tokens of COUCHDB_JWT_SECRET, whose key is hmac:${keyIdOf(secret)} (${rejection}). ${adviseOnRejection(rejection, `${RUN_SETUP_HINT} and this secret.`)}`,
  );
}

import type nano from 'nano';
import { z } from 'zod';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { statusOf, type Upstream } from '../client.ts';
import { readDatabaseDesign, type DatabaseDesign } from './design-documents.ts';
import { compareDesign, describePrefixMismatch } from './design-hash.ts';
import { upstreamAuthorization } from '../authorization.ts';
import { keyIdOf } from '../jwt-key-id.ts';
import type { UpstreamAccount } from '../connect.ts';
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
 * What `setUp` does for an administrator the service account can only look at: that everything is there. Rejects with a
 * sentence for each thing that is not. Resolves with what is there in another version, which must not keep a gate from
 * starting: while gates are replaced one by one, the older ones may be started again too.
 */
export async function verifySchema(options: VerifySchemaOptions): Promise<readonly string[]> {
  const { couch, registry, sessions, account } = options;
  const name = account.name ?? 'Nobody';
  if (!account.roles.includes(SERVICE_ROLE)) {
    throw new SetupError(
      `${name} is neither a server admin nor a service account. ${RUN_SETUP_HINT}, and use what it prints.`,
    );
  }
  const problems: string[] = [];
  for (const database of ['_users', sessions, registry]) {
    const status = await readStatus(couch, { db: database });
    if (status === 404) problems.push(`The database ${database} is not there.`);
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
    } else if (comparison !== 'current') warnings.push(`${expected._id} is not the one of this version of Pouchgate.`);
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
      throw new SetupError(`The upstream does not answer. (${errorMessage(error)})`, { cause: error });
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

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Whether the upstream takes tokens of this secret: undefined when it does, or what it answers. */
export async function getTokenRejection(
  { access, fetch }: Pick<Upstream, 'access' | 'fetch'>,
  secret: Buffer,
): Promise<string | undefined> {
  const probeUsername = parseUsername('nobody');
  if (probeUsername === undefined) throw new Error('not a username');
  const authorization = upstreamAuthorization(access, secret)(probeUsername);
  const response = await fetch('/_session', {
    headers: { authorization, accept: 'application/json' },
    redirect: 'manual',
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && sessionSchema.safeParse(body).data?.userCtx.name === probeUsername) return undefined;
  const reason = z.object({ reason: z.string() }).safeParse(body).data?.reason;
  return response.ok
    ? 'it is taken for nobody'
    : `status ${response.status}${reason === undefined ? '' : `, ${reason}`}`;
}

/** Rejects with a sentence when the upstream does not take the gate's tokens, with which every user would be shut out. */
export async function assertTokenAccepted(upstream: Pick<Upstream, 'access' | 'fetch'>, secret: Buffer): Promise<void> {
  const rejection = await withOperatorMessage('ask whether tokens are taken', getTokenRejection(upstream, secret));
  if (rejection === undefined) return;
  throw new SetupError(
    `CouchDB does not take tokens of COUCHDB_JWT_SECRET, whose key is hmac:${keyIdOf(secret)} (${rejection}). ${RUN_SETUP_HINT} and this secret.`,
  );
}

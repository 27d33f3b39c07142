import type nano from 'nano';
import { z } from 'zod';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { statusOf, type Upstream } from '../client.ts';
import { readDatabaseDesign, type DatabaseDesign } from './design-documents.ts';
import { judgeDesign, otherPrefix } from './design-hash.ts';
import { upstreamAuthorization } from '../authorization.ts';
import { keyIdOf } from '../jwt-key-id.ts';
import type { UpstreamAccount } from '../connect.ts';
import { SERVICE_ROLE } from './security-objects.ts';
import { inWords, reasonOf, SetUpError } from '../setup-error.ts';

export interface CheckSetUpOptions {
  readonly couch: nano.ServerScope;
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix?: string;
  readonly account: UpstreamAccount;
  readonly design?: DatabaseDesign;
}

const RUN = 'Run "npm run setup" with the credentials of a server admin';

/**
 * What `setUp` does for an administrator the service account can only look at: that everything is there. Rejects with a
 * sentence for each thing that is not. Resolves with what is there in another version, which must not keep a gate from
 * starting: while gates are replaced one by one, the older ones may be started again too.
 */
export async function checkSetUp(options: CheckSetUpOptions): Promise<readonly string[]> {
  const { couch, registry, sessions, account } = options;
  const name = account.name ?? 'Nobody';
  if (!account.roles.includes(SERVICE_ROLE)) {
    throw new SetUpError(`${name} is neither a server admin nor a service account. ${RUN}, and use what it prints.`);
  }
  const wrong: string[] = [];
  for (const database of ['_users', sessions, registry]) {
    const status = await statusOfRead(couch, { db: database });
    if (status === 404) wrong.push(`The database ${database} is not there.`);
    else if (status !== 200) wrong.push(`The account ${name} may not use the database ${database} (status ${status}).`);
  }
  const newer: string[] = [];
  const { designs } = options.design ?? (await readDatabaseDesign(options.idPrefix));
  for (const wanted of wrong.length > 0 ? [] : designs) {
    const stored = await readDesign(couch, registry, wanted._id);
    const verdict = judgeDesign(wanted, stored);
    if (verdict === 'absent') wrong.push(`${wanted._id} is missing in the database ${registry}.`);
    else if (verdict === 'other-prefix' && stored !== undefined) {
      throw new SetUpError(`${otherPrefix(wanted, stored, registry)}.`);
    } else if (verdict !== 'current') newer.push(`${wanted._id} is not the one of this version of Pouchgate.`);
  }
  if (wrong.length > 0) throw new SetUpError(`${wrong.join(' ')} ${RUN}.`);
  return newer;
}

async function statusOfRead(couch: nano.ServerScope, request: nano.RequestOptions): Promise<number> {
  try {
    await couch.request(request);
    return 200;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined)
      throw new SetUpError(`The upstream does not answer. (${reasonOf(error)})`, { cause: error });
    return status;
  }
}

const designSchema = z.record(z.string(), z.unknown());

async function readDesign(
  couch: nano.ServerScope,
  db: string,
  path: string,
): Promise<Record<string, unknown> | undefined> {
  if ((await statusOfRead(couch, { db, path })) === 404) return undefined;
  return designSchema.parse(await inWords(`read ${path}`, couch.request({ db, path })));
}

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Whether the upstream takes tokens of this secret: undefined when it does, or what it answers. */
export async function tokenRefusal(
  { access, fetch }: Pick<Upstream, 'access' | 'fetch'>,
  secret: Buffer,
): Promise<string | undefined> {
  const somebody = parseUsername('nobody');
  if (somebody === undefined) throw new Error('not a username');
  const authorization = upstreamAuthorization(access, secret)(somebody);
  const answer = await fetch('/_session', {
    headers: { authorization, accept: 'application/json' },
    redirect: 'manual',
  });
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok && sessionSchema.safeParse(body).data?.userCtx.name === somebody) return undefined;
  const reason = z.object({ reason: z.string() }).safeParse(body).data?.reason;
  return answer.ok ? 'it is taken for nobody' : `status ${answer.status}${reason === undefined ? '' : `, ${reason}`}`;
}

/** Rejects with a sentence when the upstream does not take the gate's tokens, with which every user would be shut out. */
export async function checkToken(upstream: Pick<Upstream, 'access' | 'fetch'>, secret: Buffer): Promise<void> {
  const refusal = await inWords('ask whether tokens are taken', tokenRefusal(upstream, secret));
  if (refusal === undefined) return;
  throw new SetUpError(
    `CouchDB does not take tokens of COUCHDB_JWT_SECRET, whose key is hmac:${keyIdOf(secret)} (${refusal}). ${RUN} and this secret.`,
  );
}

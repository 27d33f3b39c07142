import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf, type Upstream } from '../../../upstream/client.ts';
import { readDesignDocuments, type StoredDesigns } from '../../../upstream/schema/read-design-documents.ts';
import { readSecurity } from '../../../upstream/schema/security-objects.ts';
import { verifyPassword } from './verify-password.ts';
import { readClusterNodes, readNodeState } from './node-config.ts';
import type { AccountState, DatabaseState, CurrentState } from '../current-state.ts';
import {
  findForeignDocument,
  isSessionsDocument,
  userDocumentPredicate,
  type DocumentPredicate,
} from './foreign-documents.ts';
import { viewWarmupDesign } from '../plan/view-warmup-design.ts';
import type { DesiredState } from '../desired-state.ts';

/** Reads all that a plan rests on, as a server admin, and changes nothing. */
export async function readCurrentState(
  upstream: Upstream,
  version: string,
  desired: DesiredState,
): Promise<CurrentState> {
  const { couch } = upstream;
  const { registry, sessions, idPrefix, design, service } = desired;
  const ownDesignIds = design.designs.flatMap((each) => [each._id, viewWarmupDesign(each)._id]);
  const designs: StoredDesigns =
    (await undefinedIfMissing(readDesignDocuments(couch, registry, ownDesignIds))) ?? new Map();
  // Where our design document is, set-up has been before: what else is there somebody put beside it knowingly.
  const hasOwnDesign = design.designs.some(({ _id }) => designs.get(_id)?.['content_hash'] !== undefined);
  const session = sessionSchema.parse(await couch.request({ path: '_session' }));
  return {
    version,
    nodes: await Promise.all((await readClusterNodes(couch)).map((member) => readNodeState(couch, member))),
    registry: await readDatabaseState(couch, registry, hasOwnDesign ? undefined : userDocumentPredicate(idPrefix)),
    sessions: await readDatabaseState(couch, sessions, isSessionsDocument),
    users: await readDatabaseState(couch, '_users', undefined),
    designs,
    account: await readAccountState(upstream, service),
    isJwtHandlerActive: session.info.authentication_handlers.includes('jwt'),
  };
}

const sessionSchema = z.object({ info: z.object({ authentication_handlers: z.array(z.string()).default([]) }) });
const infoSchema = z.object({ props: z.object({ partitioned: z.boolean().optional() }).optional() });

/** Undefined when it is not there. */
async function undefinedIfMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function readDatabaseState(
  couch: ServerScope,
  db: string,
  isOwnDocument: DocumentPredicate | undefined,
): Promise<DatabaseState> {
  const info: unknown = await undefinedIfMissing(couch.request({ db }));
  if (info === undefined) return { exists: false };
  return {
    exists: true,
    partitioned: infoSchema.parse(info).props?.partitioned ?? false,
    security: readSecurity(await couch.request({ db, path: '_security' })),
    foreignDocument: isOwnDocument === undefined ? undefined : await findForeignDocument(couch, db, isOwnDocument),
  };
}

const accountSchema = z.object({ roles: z.array(z.string()).default([]) });

async function readAccountState(
  upstream: Upstream,
  { username, password }: DesiredState['service'],
): Promise<AccountState> {
  const path = encodeURIComponent(`org.couchdb.user:${username}`);
  const stored: unknown = await undefinedIfMissing(upstream.couch.request({ db: '_users', path }));
  if (stored === undefined) return { exists: false };
  const { roles } = accountSchema.parse(stored);
  if (password === undefined) return { exists: true, roles, password: 'not-tried' };
  return { exists: true, roles, password: (await verifyPassword(upstream, username, password)) ? 'good' : 'wrong' };
}

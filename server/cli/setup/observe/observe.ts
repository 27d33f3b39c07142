import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Upstream } from '../../../upstream/client.ts';
import { readDesignDocuments, type StoredDesigns } from '../../../upstream/schema/read-design-documents.ts';
import { readDatabaseState, undefinedIfMissing } from '../../../upstream/schema/read-schema-state.ts';
import type { DatabaseState } from '../../../upstream/schema/schema-plan.ts';
import { viewWarmupDesign } from '../../../upstream/schema/view-warmup-design.ts';
import { verifyPassword } from './verify-password.ts';
import { readClusterNodes, readNodeState } from './node-config.ts';
import type { AccountState, CurrentState } from '../current-state.ts';
import {
  findForeignDocument,
  isSessionsDocument,
  userDocumentPredicate,
  type DocumentPredicate,
} from './foreign-documents.ts';
import type { DesiredState } from '../desired-state.ts';

/** Reads what a plan needs, as a server admin. */
export async function readCurrentState(
  upstream: Upstream,
  version: string,
  desired: DesiredState,
): Promise<CurrentState> {
  const { couch } = upstream;
  const { registry, sessions, idPrefix, design, service, accountToRemove } = desired;
  const ownDesignIds = design.designs.flatMap((each) => [each._id, viewWarmupDesign(each)._id]);
  const designs: StoredDesigns =
    (await undefinedIfMissing(readDesignDocuments(couch, registry, ownDesignIds))) ?? new Map();
  // A database with our design document was set up before, so its other documents were added on purpose.
  const hasOwnDesign = design.designs.some(({ _id }) => designs.get(_id)?.['content_hash'] !== undefined);
  const session = sessionSchema.parse(await couch.request({ path: '_session' }));
  return {
    version,
    nodes: await Promise.all((await readClusterNodes(couch)).map((member) => readNodeState(couch, member))),
    registry: await readDatabase(couch, registry, hasOwnDesign ? undefined : userDocumentPredicate(idPrefix)),
    sessions: await readDatabase(couch, sessions, isSessionsDocument),
    users: await readDatabaseState(couch, '_users'),
    designs,
    account: await readAccountState(upstream, service),
    accountToRemove:
      accountToRemove === undefined
        ? undefined
        : await readAccountState(upstream, { username: accountToRemove, password: undefined }),
    isJwtHandlerActive: session.info.authentication_handlers.includes('jwt'),
  };
}

const sessionSchema = z.object({ info: z.object({ authentication_handlers: z.array(z.string()).default([]) }) });
async function readDatabase(
  couch: ServerScope,
  db: string,
  isOwnDocument: DocumentPredicate | undefined,
): Promise<DatabaseState> {
  const state = await readDatabaseState(couch, db);
  if (!state.exists || isOwnDocument === undefined) return state;
  return { ...state, foreignDocument: await findForeignDocument(couch, db, isOwnDocument) };
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

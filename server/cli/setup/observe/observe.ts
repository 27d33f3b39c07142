import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf, type Upstream } from '../../../upstream/client.ts';
import { readDesigns, type StoredDesigns } from '../../../upstream/schema/read-design-documents.ts';
import { readSecurity } from '../../../upstream/schema/security-objects.ts';
import { isPassword } from './verify-password.ts';
import { readMembers, readNode } from './node-config.ts';
import type { AccountState, DatabaseState, Observed } from '../current-state.ts';
import { findStrangeDocument, isSessionsDocument, isUserDocument, type IsOurs } from './foreign-documents.ts';
import { warmDesign } from '../plan/view-warmup-design.ts';
import type { Wanted } from '../desired-state.ts';

/** Reads all that a plan rests on, as a server admin, and changes nothing. */
export async function observe(upstream: Upstream, version: string, wanted: Wanted): Promise<Observed> {
  const { couch } = upstream;
  const { registry, sessions, idPrefix, design, service } = wanted;
  const ours = design.designs.flatMap((each) => [each._id, warmDesign(each)._id]);
  const designs: StoredDesigns = (await unlessMissing(readDesigns(couch, registry, ours))) ?? new Map();
  // Where our design document is, set-up has been before: what else is there somebody put beside it knowingly.
  const isOurs = design.designs.some(({ _id }) => designs.get(_id)?.['content_hash'] !== undefined);
  const session = sessionSchema.parse(await couch.request({ path: '_session' }));
  return {
    version,
    nodes: await Promise.all((await readMembers(couch)).map((member) => readNode(couch, member))),
    registry: await readDatabase(couch, registry, isOurs ? undefined : isUserDocument(idPrefix)),
    sessions: await readDatabase(couch, sessions, isSessionsDocument),
    users: await readDatabase(couch, '_users', undefined),
    designs,
    account: await readAccount(upstream, service),
    jwtAtWork: session.info.authentication_handlers.includes('jwt'),
  };
}

const sessionSchema = z.object({ info: z.object({ authentication_handlers: z.array(z.string()).default([]) }) });
const infoSchema = z.object({ props: z.object({ partitioned: z.boolean().optional() }).optional() });

/** Undefined when it is not there. */
async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function readDatabase(couch: ServerScope, db: string, isOurs: IsOurs | undefined): Promise<DatabaseState> {
  const info: unknown = await unlessMissing(couch.request({ db }));
  if (info === undefined) return { exists: false };
  return {
    exists: true,
    partitioned: infoSchema.parse(info).props?.partitioned ?? false,
    security: readSecurity(await couch.request({ db, path: '_security' })),
    strangeDocument: isOurs === undefined ? undefined : await findStrangeDocument(couch, db, isOurs),
  };
}

const accountSchema = z.object({ roles: z.array(z.string()).default([]) });

async function readAccount(upstream: Upstream, { username, password }: Wanted['service']): Promise<AccountState> {
  const path = encodeURIComponent(`org.couchdb.user:${username}`);
  const stored: unknown = await unlessMissing(upstream.couch.request({ db: '_users', path }));
  if (stored === undefined) return { exists: false };
  const { roles } = accountSchema.parse(stored);
  if (password === undefined) return { exists: true, roles, password: 'not-tried' };
  return { exists: true, roles, password: (await isPassword(upstream, username, password)) ? 'good' : 'wrong' };
}

import { setTimeout as pause } from 'node:timers/promises';
import type nano from 'nano';
import { z } from 'zod';
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { statusOf } from './couch.ts';
import {
  readDatabaseDesign,
  type DatabaseDesign,
  type DesignDocument,
  type SecurityObject,
} from './design-documents.ts';

export interface SetUpOptions {
  readonly couch: nano.ServerScope;
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  /** What stands in the registry; read from couchdb-design/user_registry unless given. */
  readonly design?: DatabaseDesign;
  /** Waits between the attempts to reach an upstream that is still starting, in ms. Some half a minute by default. */
  readonly waits?: readonly number[];
}

export interface SetUpStep {
  /** A database, or what is in it: `user_registry`, `user_registry/_security`, `user_registry/_design/registry`. */
  readonly subject: string;
  readonly outcome: 'made' | 'changed' | 'unchanged';
}

const WAITS = [100, 200, 400, 800, 1_500, 3_000, 5_000, 5_000, 5_000, 5_000, 5_000];

const ADMINS_ONLY: SecurityObject = {
  admins: { names: [], roles: ['_admin'] },
  members: { names: [], roles: ['_admin'] },
};

/**
 * Puts the databases, who may use them, and the design documents in place. What is there already and right is left
 * alone, so it may run at every start and from several gates at once. Rejects with a sentence for the operator.
 */
export async function setUp(options: SetUpOptions): Promise<SetUpStep[]> {
  const { couch, registry, sessions } = options;
  const design = options.design ?? (await readDatabaseDesign());
  await reach(couch, options.waits ?? WAITS);

  const steps: SetUpStep[] = [];
  for (const [name, security] of [
    ['_users', ADMINS_ONLY],
    [sessions, ADMINS_ONLY],
    [registry, design.security],
  ] as const) {
    steps.push(await inWords(`make the database ${name}`, makeDatabase(couch, name)));
    steps.push(await inWords(`set who may use ${name}`, putSecurity(couch, name, security)));
  }
  for (const document of design.designs) {
    steps.push(await inWords(`write ${document._id}`, putDesign(couch, registry, document)));
  }
  return steps;
}

const sessionSchema = z.object({ userCtx: z.object({ name: z.string().nullable(), roles: z.array(z.string()) }) });

/** Waits for the upstream to answer, and makes sure that it takes us for its administrator. */
async function reach(couch: nano.ServerScope, waits: readonly number[]): Promise<void> {
  for (const wait of [...waits, undefined]) {
    try {
      const session = sessionSchema.safeParse(await couch.request({ path: '_session' }));
      if (!session.success)
        throw new SetUpError('The upstream answers, but not as CouchDB does. Is COUCHDB_URL right?');
      const { name, roles } = session.data.userCtx;
      if (roles.includes('_admin')) return;
      throw new SetUpError(`${name ?? 'Nobody'} is not an administrator of the upstream, which set-up has to be.`);
    } catch (error) {
      if (error instanceof SetUpError) throw error;
      const status = statusOf(error);
      if (status === 401) throw new SetUpError('The upstream refuses our user name or password.', { cause: error });
      if (status !== undefined && status < 500) {
        throw new SetUpError(`The upstream answers ${status} to GET /_session. Is COUCHDB_URL right?`, {
          cause: error,
        });
      }
      if (wait === undefined)
        throw new SetUpError(
          `The upstream does not answer; see that it runs and that its URL is right. (${reasonOf(error)})`,
          { cause: error },
        );
      await pause(wait);
    }
  }
}

async function makeDatabase(couch: nano.ServerScope, name: string): Promise<SetUpStep> {
  try {
    await couch.db.create(name);
    return { subject: name, outcome: 'made' };
  } catch (error) {
    if (statusOf(error) === 412) return { subject: name, outcome: 'unchanged' };
    throw error;
  }
}

async function putSecurity(couch: nano.ServerScope, name: string, wanted: SecurityObject): Promise<SetUpStep> {
  const subject = `${name}/_security`;
  const request = { db: name, path: '_security' };
  if (isSame(normalise(await couch.request(request)), normalise(wanted))) {
    return { subject, outcome: 'unchanged' };
  }
  await couch.request({ ...request, method: 'PUT', body: wanted });
  return { subject, outcome: 'changed' };
}

const list = z.array(z.string()).default([]);
const people = z.object({ names: list, roles: list }).default({ names: [], roles: [] });
const storedSecurity = z.looseObject({ admins: people, members: people });

/** CouchDB leaves out what is empty in the object that it makes by itself. */
const normalise = (security: unknown): unknown => storedSecurity.safeParse(security).data;

/** Another gate may write the same document at the same time: then it is read again. */
const ATTEMPTS = 5;

async function putDesign(couch: nano.ServerScope, database: string, wanted: DesignDocument): Promise<SetUpStep> {
  const subject = `${database}/${wanted._id}`;
  const documents = couch.use<object>(database);
  for (let attempt = 1; ; attempt += 1) {
    const stored = await readDesign(documents, wanted._id);
    const { _rev: revision, ...content } = stored ?? {};
    if (isSame(content, wanted)) return { subject, outcome: 'unchanged' };
    try {
      await documents.insert({ ...wanted, ...(revision === undefined ? {} : { _rev: revision }) });
      return { subject, outcome: stored === undefined ? 'made' : 'changed' };
    } catch (error) {
      if (statusOf(error) !== 409 || attempt === ATTEMPTS) throw error;
    }
  }
}

async function readDesign(documents: nano.DocumentScope<object>, id: string): Promise<{ _rev?: string } | undefined> {
  try {
    return await documents.get(id);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** An error whose message is a sentence for the operator. */
export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}

async function inWords<T>(what: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    const status = statusOf(error);
    const told = status === undefined ? '' : ` (status ${status})`;
    throw new SetUpError(`Set-up could not ${what}: ${reasonOf(error)}${told}`, { cause: error });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isSame = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

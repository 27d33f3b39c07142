import type nano from 'nano';
import { statusOf } from '../client.ts';
import {
  readDatabaseDesign,
  type DatabaseDesign,
  type DesignDocument,
  type SecurityObject,
} from './design-documents.ts';
import { judgeDesign, otherPrefix, seal } from './design-hash.ts';
import { reach } from '../connect.ts';
import {
  ACCOUNTS_SECURITY,
  isSameSecurity,
  readSecurity,
  SERVER_ADMIN,
  SESSIONS_SECURITY,
  strangersIn,
} from './security-objects.ts';
import { inWords, SetUpError } from '../setup-error.ts';

export interface SetUpOptions {
  readonly couch: nano.ServerScope;
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  /** What user documents' ids begin with, `user_` unless told. */
  readonly idPrefix?: string;
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

/**
 * Puts the databases, who may use them, and the design documents in place. What is there already and right is left
 * alone, so it may run at every start and from several gates at once. Rejects with a sentence for the operator.
 */
export async function setUp(options: SetUpOptions): Promise<SetUpStep[]> {
  const { couch, registry, sessions } = options;
  const design = options.design ?? (await readDatabaseDesign(options.idPrefix));
  const { name: account, roles } = await reach(couch, options.waits);
  if (!roles.includes(SERVER_ADMIN)) {
    throw new SetUpError(`${account ?? 'Nobody'} is not an administrator of the upstream, which set-up has to be.`);
  }

  for (const document of design.designs) await inWords(`read ${document._id}`, checkPrefix(couch, registry, document));
  const steps: SetUpStep[] = [];
  for (const [name, security] of [
    ['_users', ACCOUNTS_SECURITY],
    [sessions, SESSIONS_SECURITY],
    [registry, design.security],
  ] as const) {
    const database = await inWords(`make the database ${name}`, makeDatabase(couch, name));
    const isNew = database.outcome === 'made';
    steps.push(database, await inWords(`set who may use ${name}`, putSecurity(couch, name, security, isNew)));
  }
  for (const document of design.designs) {
    steps.push(await inWords(`write ${document._id}`, putDesign(couch, registry, document)));
  }
  return steps;
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

/** In a database that was just made nothing of anybody's is replaced. */
async function putSecurity(
  couch: nano.ServerScope,
  name: string,
  wanted: SecurityObject,
  isNew: boolean,
): Promise<SetUpStep> {
  const subject = `${name}/_security`;
  const request = { db: name, path: '_security' };
  const stored = readSecurity(await couch.request(request));
  // CouchDB keeps the accounts closed by itself, and does not let them be opened to the service account just so.
  const isGood = name === '_users' ? strangersIn(stored, wanted).length === 0 : isSameSecurity(stored, wanted);
  if (isGood) return { subject, outcome: 'unchanged' };
  await couch.request({ ...request, method: 'PUT', body: wanted });
  return { subject, outcome: isNew ? 'made' : 'changed' };
}

/** Before anything is written: the registry of a deployment with another prefix is left as it is. */
async function checkPrefix(couch: nano.ServerScope, database: string, wanted: DesignDocument): Promise<void> {
  const stored = await readDesign(couch.use(database), wanted._id);
  if (stored !== undefined && judgeDesign(wanted, stored) === 'other-prefix') {
    throw new SetUpError(`${otherPrefix(wanted, stored, database)}.`);
  }
}

/** Another gate may write the same document at the same time: then it is read again. */
const ATTEMPTS = 5;

async function putDesign(couch: nano.ServerScope, database: string, wanted: DesignDocument): Promise<SetUpStep> {
  const subject = `${database}/${wanted._id}`;
  const documents = couch.use<Record<string, unknown>>(database);
  for (let attempt = 1; ; attempt += 1) {
    const stored = await readDesign(documents, wanted._id);
    const revision = stored?._rev;
    if (judgeDesign(wanted, stored) === 'current') return { subject, outcome: 'unchanged' };
    try {
      await documents.insert({ ...seal(wanted), ...(revision === undefined ? {} : { _rev: revision }) });
      return { subject, outcome: stored === undefined ? 'made' : 'changed' };
    } catch (error) {
      if (statusOf(error) !== 409 || attempt === ATTEMPTS) throw error;
    }
  }
}

async function readDesign(
  documents: nano.DocumentScope<Record<string, unknown>>,
  id: string,
): Promise<(Record<string, unknown> & { _rev: string }) | undefined> {
  try {
    return await documents.get(id);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

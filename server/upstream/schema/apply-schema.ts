import type nano from 'nano';
import { statusOf } from '../client.ts';
import {
  readDatabaseDesign,
  type DatabaseDesign,
  type DesignDocument,
  type SecurityObject,
} from './design-documents.ts';
import { compareDesign, describePrefixMismatch, addContentHash } from './design-hash.ts';
import { waitForDatabase } from '../connect.ts';
import {
  ACCOUNTS_SECURITY,
  isSameSecurity,
  readSecurity,
  SERVER_ADMIN,
  SESSIONS_SECURITY,
  describeUnexpectedAccess,
} from './security-objects.ts';
import { withOperatorMessage, SetupError } from '../setup-error.ts';

export interface ApplySchemaOptions {
  readonly couch: nano.ServerScope;
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  /** What user documents' ids begin with, `user_` unless told. */
  readonly idPrefix?: string;
  /** What stands in the registry; read from couchdb-design/user_registry unless given. */
  readonly design?: DatabaseDesign;
  /** Waits between the attempts to reach an upstream that is still starting, in ms. Some half a minute by default. */
  readonly retryDelaysMs?: readonly number[];
}

export interface SchemaStep {
  /** A database, or what is in it: `user_registry`, `user_registry/_security`, `user_registry/_design/registry`. */
  readonly subject: string;
  readonly outcome: 'made' | 'changed' | 'unchanged';
}

/**
 * Puts the databases, who may use them, and the design documents in place. What is there already and right is left
 * alone, so it may run at every start and from several gates at once. Rejects with a sentence for the operator.
 */
export async function applySchema(options: ApplySchemaOptions): Promise<SchemaStep[]> {
  const { couch, registry, sessions } = options;
  const design = options.design ?? (await readDatabaseDesign(options.idPrefix));
  const { name: accountName, roles } = await waitForDatabase(couch, options.retryDelaysMs);
  if (!roles.includes(SERVER_ADMIN)) {
    throw new SetupError(`${accountName ?? 'Nobody'} is not an administrator of the upstream, which set-up has to be.`);
  }

  for (const document of design.designs)
    await withOperatorMessage(`read ${document._id}`, assertIdPrefix(couch, registry, document));
  const steps: SchemaStep[] = [];
  for (const [name, security] of [
    ['_users', ACCOUNTS_SECURITY],
    [sessions, SESSIONS_SECURITY],
    [registry, design.security],
  ] as const) {
    const database = await withOperatorMessage(`make the database ${name}`, createDatabase(couch, name));
    const isNew = database.outcome === 'made';
    steps.push(
      database,
      await withOperatorMessage(`set who may use ${name}`, writeSecurity(couch, name, security, isNew)),
    );
  }
  for (const document of design.designs) {
    steps.push(await withOperatorMessage(`write ${document._id}`, writeDesign(couch, registry, document)));
  }
  return steps;
}

async function createDatabase(couch: nano.ServerScope, name: string): Promise<SchemaStep> {
  try {
    await couch.db.create(name);
    return { subject: name, outcome: 'made' };
  } catch (error) {
    if (statusOf(error) === 412) return { subject: name, outcome: 'unchanged' };
    throw error;
  }
}

/** In a database that was just made nothing of anybody's is replaced. */
async function writeSecurity(
  couch: nano.ServerScope,
  name: string,
  expected: SecurityObject,
  isNew: boolean,
): Promise<SchemaStep> {
  const subject = `${name}/_security`;
  const request = { db: name, path: '_security' };
  const stored = readSecurity(await couch.request(request));
  // CouchDB keeps the accounts closed by itself, and does not let them be opened to the service account just so.
  const isCurrent =
    name === '_users' ? describeUnexpectedAccess(stored, expected).length === 0 : isSameSecurity(stored, expected);
  if (isCurrent) return { subject, outcome: 'unchanged' };
  await couch.request({ ...request, method: 'PUT', body: expected });
  return { subject, outcome: isNew ? 'made' : 'changed' };
}

/** Before anything is written: the registry of a deployment with another prefix is left as it is. */
async function assertIdPrefix(couch: nano.ServerScope, database: string, expected: DesignDocument): Promise<void> {
  const stored = await readDesign(couch.use(database), expected._id);
  if (stored !== undefined && compareDesign(expected, stored) === 'other-prefix') {
    throw new SetupError(`${describePrefixMismatch(expected, stored, database)}.`);
  }
}

/** Another gate may write the same document at the same time: then it is read again. */
const MAX_ATTEMPTS = 5;

async function writeDesign(couch: nano.ServerScope, database: string, expected: DesignDocument): Promise<SchemaStep> {
  const subject = `${database}/${expected._id}`;
  const documents = couch.use<Record<string, unknown>>(database);
  for (let attempt = 1; ; attempt += 1) {
    const stored = await readDesign(documents, expected._id);
    const revision = stored?._rev;
    if (compareDesign(expected, stored) === 'current') return { subject, outcome: 'unchanged' };
    try {
      await documents.insert({ ...addContentHash(expected), ...(revision === undefined ? {} : { _rev: revision }) });
      return { subject, outcome: stored === undefined ? 'made' : 'changed' };
    } catch (error) {
      if (statusOf(error) !== 409 || attempt === MAX_ATTEMPTS) throw error;
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

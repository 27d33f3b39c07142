import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { randomBytes } from 'node:crypto';
import { connect, statusOf, type UpstreamAccess } from '../upstream/client.ts';
import type { EmbeddedEngine } from '../upstream/embedded/engine.ts';
import { eventually } from './fake-couchdb.ts';
import { startMemoryEngine } from './memory-engine.ts';

/**
 * The upstream of a test: the embedded engine in memory, or the CouchDB of `COUCHDB_URL`, `COUCHDB_USER` and
 * `COUCHDB_PASSWORD`, with the nodes of a cluster in `COUCHDB_NODES`. Other data in that CouchDB is left alone: databases
 * and accounts have names unique to the test, and are deleted when it ends.
 */
export interface TestUpstream {
  readonly kind: 'embedded' | 'couchdb';
  readonly names: TestNames;
  /** The administrator's access, for the test itself. */
  readonly access: UpstreamAccess;
  /** Returns the access for the next gate, rotating among the nodes of a cluster. */
  nextAccess(): UpstreamAccess;
  /** Returns the environment of a gate that uses this upstream. `access` defaults to `this.access`. */
  env(access?: UpstreamAccess): Record<string, string>;
  /** The registry, with administrator's rights. */
  registry(): ReturnType<ReturnType<typeof connect>['use']>;
  /** Returns an account name that is unique in the upstream; the same one for the same argument. */
  accountName(name: string): string;
  /** Restarts the embedded engine with the same port and data and a new password. Does nothing for a CouchDB. */
  restart(): Promise<void>;
  /** Deletes the databases. A gate recreates them, empty, when it starts. */
  dropDatabases(): Promise<void>;
  close(): Promise<void>;
}

/** Names known before the upstream starts, so that `it.each` tables can contain them. */
export interface TestNames {
  /** Unique suffix of all names. */
  readonly suffix: string;
  readonly registry: string;
  readonly sessions: string;
}

/** Returns unique database names. */
export function newTestNames(): TestNames {
  const suffix = randomBytes(6).toString('hex');
  return { suffix, registry: `user_registry_${suffix}`, sessions: `pouchgate_sessions_${suffix}` };
}

/** Replaces the default database names in a text, escaped ones included, with those of the test. */
export const replaceDatabaseNames = (text: string, { suffix }: TestNames): string =>
  text.replaceAll(/user(?:_|%5f|%255f)registry|pouchgate_sessions/gi, (name) => `${name}_${suffix}`);

/** Returns whether tests run against a CouchDB. */
export const usesCouchdb = (): boolean => (process.env['COUCHDB_URL'] ?? '') !== '';

/** Returns whether tests run against a CouchDB with several nodes. */
export const usesCluster = (): boolean => usesCouchdb() && (process.env['COUCHDB_NODES'] ?? '') !== '';

/** Requires the condition at once; on a cluster, waits until its replicas agree. */
export const waitForConsistency = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  usesCluster() ? eventually(condition) : eventually(condition, 0);

/** Starts the upstream that the environment selects, without databases or design documents. */
export async function startTestUpstream(names: TestNames = newTestNames()): Promise<TestUpstream> {
  const { COUCHDB_URL: url = '', COUCHDB_NODES: nodes = '', COUCHDB_USER = '', COUCHDB_PASSWORD = '' } = process.env;
  if (!usesCouchdb()) return closeAfterTests(await createEmbeddedUpstream(names));
  const credentials = { username: COUCHDB_USER, password: COUCHDB_PASSWORD };
  const urls = nodes === '' ? [url] : nodes.split(',');
  const [access, ...nodeAccesses] = [url, ...urls].map((nodeUrl) => ({
    url: nodeUrl.trim().replace(/\/+$/, ''),
    ...credentials,
  }));
  return closeAfterTests(createCouchdbUpstream(names, access ?? { url, ...credentials }, nodeAccesses));
}

const ACCOUNTS_PER_REQUEST = 1_000;

async function createEmbeddedUpstream(names: TestNames): Promise<TestUpstream> {
  const storage = { kind: 'memory', name: `test-${names.suffix}` } as const;
  let engine: EmbeddedEngine = await startMemoryEngine({ storage });
  return {
    ...createSharedMembers(names, () => engine.access),
    kind: 'embedded',
    get access() {
      return engine.access;
    },
    nextAccess: () => engine.access,
    accountName: (name) => name,
    restart: async () => {
      const port = Number(new URL(engine.access.url).port);
      await engine.close();
      engine = await startMemoryEngine({ storage, port });
    },
    close: () => engine.close(),
  };
}

function createCouchdbUpstream(
  names: TestNames,
  access: UpstreamAccess,
  nodes: readonly UpstreamAccess[],
): TestUpstream {
  const accounts = new Set<string>();
  let gateCount = 0;
  const shared = createSharedMembers(names, () => access);
  return {
    ...shared,
    kind: 'couchdb',
    access,
    nextAccess: () => nodes[gateCount++ % nodes.length] ?? access,
    accountName: (name) => {
      const uniqueName = `${name}-${names.suffix}`;
      accounts.add(uniqueName);
      return uniqueName;
    },
    restart: () => Promise.resolve(),
    close: async () => {
      await shared.dropDatabases();
      await deleteAccounts(access, [...accounts]);
    },
  };
}

/** Returns the members common to both kinds. `currentAccess` returns the administrator's current access. */
function createSharedMembers(
  names: TestNames,
  currentAccess: () => UpstreamAccess,
): Pick<TestUpstream, 'names' | 'env' | 'registry' | 'dropDatabases'> {
  return {
    names,
    env: (access = currentAccess()) => ({
      COUCHDB_URL: access.url,
      COUCHDB_USER: access.username,
      COUCHDB_PASSWORD: access.password,
      REGISTRY_DB: names.registry,
      SESSIONS_DB: names.sessions,
      REGISTRATION: 'open',
    }),
    registry: () => connect(currentAccess()).use(names.registry),
    dropDatabases: async () => {
      for (const name of [names.registry, names.sessions])
        await ignoreNotFound(connect(currentAccess()).db.destroy(name));
    },
  };
}

/** Two requests for many accounts: a test of an import creates thousands. */
async function deleteAccounts(access: UpstreamAccess, names: readonly string[]): Promise<void> {
  const users = connect(access).use('_users');
  for (let start = 0; start < names.length; start += ACCOUNTS_PER_REQUEST) {
    const keys = names.slice(start, start + ACCOUNTS_PER_REQUEST).map((name) => `org.couchdb.user:${name}`);
    const { rows } = await users.fetchRevs({ keys });
    const docs = rows.flatMap((row) =>
      'value' in row && !('deleted' in row.value) ? [{ _id: row.id, _rev: row.value.rev, _deleted: true }] : [],
    );
    if (docs.length > 0) await users.bulk({ docs });
  }
}

async function ignoreNotFound(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

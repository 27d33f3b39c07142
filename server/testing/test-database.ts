import { randomBytes } from 'node:crypto';
import { connect, statusOf, type UpstreamAccess } from '../upstream/client.ts';
import { startEmbeddedEngine, type EmbeddedEngine } from '../upstream/embedded/engine.ts';
import { eventually } from './fake-couchdb.ts';

/**
 * What tests run against: the embedded engine in memory, or the CouchDB that `COUCHDB_URL`, `COUCHDB_USER` and
 * `COUCHDB_PASSWORD` name, with the nodes of its cluster in `COUCHDB_NODES` when it is one. Whatever else that CouchDB
 * holds is left alone: databases and accounts have names of the test's own, and go when it ends.
 */
export interface TestUpstream {
  readonly kind: 'embedded' | 'couchdb';
  readonly names: TestNames;
  /** Where a test itself asks, as the administrator. */
  readonly access: UpstreamAccess;
  /** Where the next gate asks: the nodes of a cluster take turns. */
  nextAccess(): UpstreamAccess;
  /** What a gate's environment says, so that it works on this upstream; `access` is where it asks, `this.access` by default. */
  env(access?: UpstreamAccess): Record<string, string>;
  /** The registry, as the administrator sees it. */
  registry(): ReturnType<ReturnType<typeof connect>['use']>;
  /** A name for an account that nobody else has there; the same for the same name. */
  accountName(name: string): string;
  /** Stops the embedded engine and starts it anew: same port, same data, another password. A CouchDB is left to run. */
  restart(): Promise<void>;
  /** The databases are no more; a gate makes them again, empty, when it starts. */
  dropDatabases(): Promise<void>;
  close(): Promise<void>;
}

/** Known before anything is started, so that tables of tests can be made of them. */
export interface TestNames {
  /** What tells them from all others'. */
  readonly suffix: string;
  readonly registry: string;
  readonly sessions: string;
}

export function newTestNames(): TestNames {
  const suffix = randomBytes(6).toString('hex');
  return { suffix, registry: `user_registry_${suffix}`, sessions: `pouchgate_sessions_${suffix}` };
}

/** A text that speaks of the databases by their usual names, however escaped, made to speak of these. */
export const replaceDatabaseNames = (text: string, { suffix }: TestNames): string =>
  text.replaceAll(/user(?:_|%5f|%255f)registry|pouchgate_sessions/gi, (usual) => `${usual}_${suffix}`);

/** Whether tests run against a CouchDB. */
export const usesCouchdb = (): boolean => (process.env['COUCHDB_URL'] ?? '') !== '';

/** Whether that has several nodes. */
export const usesCluster = (): boolean => usesCouchdb() && (process.env['COUCHDB_NODES'] ?? '') !== '';

/** Holds at once; on a cluster as soon as its copies agree, which takes a moment. */
export const waitForConsistency = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  usesCluster() ? eventually(condition) : eventually(condition, 0);

/** Starts what `COUCHDB_URL` asks for. Nothing is set up in it yet. */
export async function startTestUpstream(names: TestNames = newTestNames()): Promise<TestUpstream> {
  const { COUCHDB_URL: url = '', COUCHDB_NODES: nodes = '', COUCHDB_USER = '', COUCHDB_PASSWORD = '' } = process.env;
  if (!usesCouchdb()) return createEmbeddedUpstream(names);
  const credentials = { username: COUCHDB_USER, password: COUCHDB_PASSWORD };
  const urls = nodes === '' ? [url] : nodes.split(',');
  const [access, ...all] = [url, ...urls].map((each) => ({ url: each.trim().replace(/\/+$/, ''), ...credentials }));
  return createCouchdbUpstream(names, access ?? { url, ...credentials }, all);
}

async function createEmbeddedUpstream(names: TestNames): Promise<TestUpstream> {
  const storage = { kind: 'memory', name: `test-${names.suffix}` } as const;
  let engine: EmbeddedEngine = await startEmbeddedEngine({ storage });
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
      engine = await startEmbeddedEngine({ storage, port });
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
  let gates = 0;
  const shared = createSharedMembers(names, () => access);
  return {
    ...shared,
    kind: 'couchdb',
    access,
    nextAccess: () => nodes[gates++ % nodes.length] ?? access,
    accountName: (name) => {
      const own = `${name}-${names.suffix}`;
      accounts.add(own);
      return own;
    },
    restart: () => Promise.resolve(),
    close: async () => {
      await shared.dropDatabases();
      await Promise.all(Array.from(accounts, (name) => deleteDocument(access, `org.couchdb.user:${name}`)));
    },
  };
}

/** What is the same for both; `now` says where the upstream is, and who its administrator. */
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

async function deleteDocument(access: UpstreamAccess, id: string): Promise<void> {
  const users = connect(access).use('_users');
  await ignoreNotFound(users.get(id).then(({ _rev }) => users.destroy(id, _rev)));
}

async function ignoreNotFound(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

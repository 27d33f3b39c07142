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
  account(name: string): string;
  /** Stops the embedded engine and starts it anew: same port, same data, another password. A CouchDB is left to run. */
  restart(): Promise<void>;
  /** The databases are no more; a gate makes them again, empty, when it starts. */
  loseEverything(): Promise<void>;
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
export const withNames = (text: string, { suffix }: TestNames): string =>
  text.replaceAll(/user(?:_|%5f|%255f)registry|pouchgate_sessions/gi, (usual) => `${usual}_${suffix}`);

/** Whether tests run against a CouchDB. */
export const hasCouchdb = (): boolean => (process.env['COUCHDB_URL'] ?? '') !== '';

/** Whether that has several nodes. */
export const onCluster = (): boolean => hasCouchdb() && (process.env['COUCHDB_NODES'] ?? '') !== '';

/** Holds at once; on a cluster as soon as its copies agree, which takes a moment. */
export const agreed = (holds: () => boolean | Promise<boolean>): Promise<void> =>
  onCluster() ? eventually(holds) : eventually(holds, 0);

/** Starts what `COUCHDB_URL` asks for. Nothing is set up in it yet. */
export async function startUpstream(names: TestNames = newTestNames()): Promise<TestUpstream> {
  const { COUCHDB_URL: url = '', COUCHDB_NODES: nodes = '', COUCHDB_USER = '', COUCHDB_PASSWORD = '' } = process.env;
  if (!hasCouchdb()) return embedded(names);
  const credentials = { username: COUCHDB_USER, password: COUCHDB_PASSWORD };
  const urls = nodes === '' ? [url] : nodes.split(',');
  const [access, ...all] = [url, ...urls].map((each) => ({ url: each.trim().replace(/\/+$/, ''), ...credentials }));
  return couchdb(names, access ?? { url, ...credentials }, all);
}

async function embedded(names: TestNames): Promise<TestUpstream> {
  const storage = { kind: 'memory', name: `test-${names.suffix}` } as const;
  let engine: EmbeddedEngine = await startEmbeddedEngine({ storage });
  return {
    ...common(names, () => engine.access),
    kind: 'embedded',
    get access() {
      return engine.access;
    },
    nextAccess: () => engine.access,
    account: (name) => name,
    restart: async () => {
      const port = Number(new URL(engine.access.url).port);
      await engine.close();
      engine = await startEmbeddedEngine({ storage, port });
    },
    close: () => engine.close(),
  };
}

function couchdb(names: TestNames, access: UpstreamAccess, nodes: readonly UpstreamAccess[]): TestUpstream {
  const accounts = new Set<string>();
  let gates = 0;
  const shared = common(names, () => access);
  return {
    ...shared,
    kind: 'couchdb',
    access,
    nextAccess: () => nodes[gates++ % nodes.length] ?? access,
    account: (name) => {
      const own = `${name}-${names.suffix}`;
      accounts.add(own);
      return own;
    },
    restart: () => Promise.resolve(),
    close: async () => {
      await shared.loseEverything();
      await Promise.all(Array.from(accounts, (name) => forget(access, `org.couchdb.user:${name}`)));
    },
  };
}

/** What is the same for both; `now` says where the upstream is, and who its administrator. */
function common(
  names: TestNames,
  now: () => UpstreamAccess,
): Pick<TestUpstream, 'names' | 'env' | 'registry' | 'loseEverything'> {
  return {
    names,
    env: (access = now()) => ({
      COUCHDB_URL: access.url,
      COUCHDB_USER: access.username,
      COUCHDB_PASSWORD: access.password,
      REGISTRY_DB: names.registry,
      SESSIONS_DB: names.sessions,
      REGISTRATION: 'open',
    }),
    registry: () => connect(now()).use(names.registry),
    loseEverything: async () => {
      for (const name of [names.registry, names.sessions]) await unlessMissing(connect(now()).db.destroy(name));
    },
  };
}

async function forget(access: UpstreamAccess, id: string): Promise<void> {
  const users = connect(access).use('_users');
  await unlessMissing(users.get(id).then(({ _rev }) => users.destroy(id, _rev)));
}

async function unlessMissing(done: Promise<unknown>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Config } from '../config/config.ts';
import { createAccounts, type Accounts } from '../identity/accounts/accounts.ts';
import { createRefreshTokens } from '../identity/sessions/refresh-token.ts';
import { createSessionStore, type SessionStore } from '../identity/sessions/store.ts';
import { createSessions, type Sessions } from '../identity/sessions/sessions.ts';
import { readServerInfo, type ServerInfo } from './server-info.ts';
import { createDocumentStore } from '../telegram/document-store.ts';
import { createLinks, type Links } from '../telegram/links/links.ts';
import { openUpstream, statusOf, type Upstream } from '../upstream/client.ts';
import type { EmbeddedEngine } from '../upstream/embedded/engine.ts';
import { isDirectoryInUse, loadEmbeddedEngine } from '../upstream/embedded/load.ts';
import { SERVER_ADMIN, SERVICE_ROLE } from '../upstream/schema/security-objects.ts';
import { errorMessage } from '../upstream/setup-error.ts';
import { CommandError } from './command-error.ts';
import { loadPreferenceRules, type AnyPreferenceRules } from './load-schema.ts';

/** The gates' databases and services, opened for the operator. Starts no gate, and follows no feed. */
export interface Deployment {
  readonly kind: Config['upstream']['kind'];
  /** The version of CouchDB, or the one that the embedded engine is compatible with. */
  readonly couchVersion: string;
  /** With the gates' credentials. */
  readonly upstream: Upstream;
  /** With a server admin's credentials; undefined if there are none. */
  readonly admin: Upstream | undefined;
  readonly registry: string;
  readonly idPrefix: string;
  readonly rules: AnyPreferenceRules;
  readonly sessionsDatabase: string;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly sessionStore: SessionStore;
  /** Links between users and Telegram chats. */
  readonly links: Links;
  /** Whether users sign in here by name and password. */
  readonly hasPasswordSignIn: boolean;
  /** Whether another identity provider's tokens are accepted. */
  readonly hasIdentityProvider: boolean;
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {CommandError | SetupError} With a message for the operator. */
export async function openDeployment(config: Config, env: Environment): Promise<Deployment> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) await next();
  };
  const open = (access: Upstream['access']): Upstream => {
    const upstream = openUpstream(access);
    closers.push(() => upstream.close());
    return upstream;
  };
  try {
    const rules = await loadPreferenceRules(env['PREFERENCES_MODULE'], config.idPrefix);
    let access;
    if (config.upstream.kind === 'embedded') {
      const engine = await openEngine(config.upstream.dataDirectory);
      closers.push(() => engine.close());
      access = engine.access;
    } else access = config.upstream.access;
    const upstream = open(access);
    const serverInfo = await readServerInfo(upstream);
    const admin = serverInfo.roles.includes(SERVER_ADMIN) ? upstream : await openAdmin(upstream, env, open);
    await requireDatabases(upstream, config, serverInfo);
    return { ...createServices(config, upstream, rules), couchVersion: serverInfo.version, admin, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createServices(
  config: Config,
  upstream: Upstream,
  rules: AnyPreferenceRules,
): Omit<Deployment, 'couchVersion' | 'admin' | 'close'> {
  const { registry, sessions: sessionsDatabase, tokens, idPrefix } = config;
  // No callback is needed: the gates receive what is stored on their feeds.
  const sessionStore = createSessionStore(upstream.couch, sessionsDatabase, () => undefined);
  // No refresh token is created or read here, so a random key will do.
  const refreshTokens = createRefreshTokens([randomBytes(32).toString('base64url')]);
  const sessions = createSessions({ store: sessionStore, refreshTokens, now: Date.now });
  const onSuspension = (_username: Username, _isSuspended: boolean): void => undefined;
  return {
    kind: config.upstream.kind,
    upstream,
    registry,
    idPrefix,
    rules,
    sessionsDatabase,
    accounts: createAccounts({
      upstream,
      registry,
      idOf: rules.idOf,
      sessionsDatabase,
      sessions,
      onSuspension,
      now: Date.now,
    }),
    sessions,
    sessionStore,
    links: createLinks(createDocumentStore(upstream.couch, sessionsDatabase), Date.now),
    hasPasswordSignIn: tokens.secret.kind !== 'none',
    hasIdentityProvider: tokens.provider.kind !== 'none',
  };
}

async function openEngine(dataDirectory: string): Promise<EmbeddedEngine> {
  const directory = join(dataDirectory, 'couch');
  if (!existsSync(directory)) {
    throw new CommandError(
      `There is no data in ${dataDirectory}. Either start the server once, or set the gates' environment, DATA_DIR or COUCHDB_URL above all.`,
    );
  }
  try {
    const { startEmbeddedEngine } = await loadEmbeddedEngine();
    return await startEmbeddedEngine({ storage: { kind: 'disk', directory } });
  } catch (error) {
    const reason = errorMessage(error);
    if (!isDirectoryInUse(reason)) throw new CommandError(reason);
    throw new CommandError(
      `The data in ${dataDirectory} is in use by a running server, and the embedded engine allows one process only. Stop the server, run this again, and restart the server. (With a CouchDB the gates may keep running.)`,
    );
  }
}

/** Opens the server admin of COUCHDB_ADMIN_USER, if set. */
async function openAdmin(
  upstream: Upstream,
  env: Environment,
  open: (access: Upstream['access']) => Upstream,
): Promise<Upstream | undefined> {
  const { COUCHDB_ADMIN_USER: username, COUCHDB_ADMIN_PASSWORD: password } = env;
  if (username === undefined || password === undefined) return undefined;
  const admin = open({ ...upstream.access, username, password });
  const { roles } = await readServerInfo(admin, { variables: 'COUCHDB_ADMIN' });
  if (roles.includes(SERVER_ADMIN)) return admin;
  throw new CommandError('COUCHDB_ADMIN_USER is not a server admin. Set it to one, or unset it.');
}

/** Checks that the databases exist: a mistyped name must not look like a deployment without users. */
async function requireDatabases({ couch, access }: Upstream, config: Config, { roles }: ServerInfo): Promise<void> {
  if (!roles.includes(SERVER_ADMIN) && !roles.includes(SERVICE_ROLE)) {
    throw new CommandError(
      `${access.username} is neither a server admin nor a service account of CouchDB. Use the environment of the gates.`,
    );
  }
  for (const name of ['_users', config.sessions, config.registry]) {
    const status = await couch.db.get(name).then(
      () => 200,
      (error: unknown) => statusOf(error),
    );
    if (status === 200) continue;
    const problem = status === 404 ? 'does not exist' : `cannot be used (status ${status ?? 'none'})`;
    throw new CommandError(
      `The database ${name} ${problem}. Check that REGISTRY_DB and SESSIONS_DB are those of the gates, or run "npm run setup" first.`,
    );
  }
}

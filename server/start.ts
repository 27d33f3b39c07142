import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { readUserDocument, type Username } from '../couchdb-design/user-document.ts';
import { createApp } from './app.ts';
import { SESSIONS_DB, type Config } from './config.ts';
import { OneAtATime } from './gate/one-at-a-time.ts';
import { createGate } from './gate/router.ts';
import { SharedTimer } from './gate/shared-timer.ts';
import { createIdentity, type Identity } from './identity/identity.ts';
import type { RateLimits } from './identity/rate-limits.ts';
import { connect, type UpstreamAccess } from './upstream/couch.ts';
import {
  startEmbeddedEngine,
  type EmbeddedEngine,
  type EmbeddedStorage,
  type EngineRequest,
} from './upstream/embedded.ts';
import { followChanges } from './upstream/feed.ts';
import { createForward } from './upstream/forward.ts';
import { Hub } from './upstream/hub.ts';
import { upstreamAuthorization } from './upstream/identity.ts';
import { createLeavesReader } from './upstream/leaves.ts';
import { createProvision } from './upstream/provision.ts';
import { setUp } from './upstream/set-up.ts';

export interface StartOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The built page's folder; undefined serves no page. */
  readonly page?: string | undefined;
  /** Where the embedded engine keeps its data, in place of `DATA_DIR`. */
  readonly storage?: EmbeddedStorage;
  /** Told of each request that the embedded engine gets. */
  readonly onEngineRequest?: (request: EngineRequest) => void;
  readonly rateLimits?: RateLimits;
  /** Of both feeds, as followChanges has it, in ms. */
  readonly heartbeat?: number;
}

/** A running server. */
export interface Pouchgate {
  /** Where it is reached on this machine, without a slash at the end. */
  readonly url: string;
  readonly identity: Identity;
  readonly hub: Hub;
  readonly upstream: UpstreamAccess;
  /** Ends live requests as held, empty answers, finishes the others, and lets go of everything. */
  close(): Promise<void>;
}

/** Where clients find the gate: `<origin>/sync/<registry>`. */
const GATE_BASE = '/sync';
/** How long what is under way may take at the end, in ms: a little more than a live answer is held. */
const LONGEST_END = 3_000;

/** Wires and starts everything. Rejects with a sentence when the upstream or the port cannot be had. */
export async function startPouchgate(options: StartOptions): Promise<Pouchgate> {
  const { config, log, page } = options;
  const heartbeat = options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat };
  const engine = await startUpstream(options);
  const access = engine.access;
  const couch = connect(access);
  const steps = await setUp({ couch, registry: config.registry, sessions: SESSIONS_DB });
  log.debug({ steps }, 'The database is set up.');

  const onError = (error: unknown): void => log.error({ err: error }, 'A request failed unexpectedly.');
  const provision = createProvision(couch, config.registry);
  const identity = await createIdentity({
    config,
    access,
    log,
    onRegistered: (username: Username) => provision(username),
    ...(options.rateLimits === undefined ? {} : { rateLimits: options.rateLimits }),
    ...heartbeat,
  });
  const timer = new SharedTimer();
  const leaves = createLeavesReader(couch, config.registry);
  const hub = new Hub(leaves);
  const unsubscribe = identity.rights.onEnded((ended) => hub.onEnded(ended));
  const feed = followChanges({
    access,
    database: config.registry,
    ...heartbeat,
    onRow: (row) => hub.onRow(row),
    onUp: () => hub.onUp(),
    onDown: (reason) => {
      hub.onDown();
      log.warn({ database: config.registry, reason }, 'The feed is down.');
    },
  });
  const gate = createGate({
    mount: { base: GATE_BASE, database: config.registry },
    publicUrl: config.publicUrl ?? '',
    corsOrigins: config.corsOrigins,
    authenticate: identity.authenticate,
    onError,
    context: {
      registry: config.registry,
      leaves,
      hub,
      forward: createForward(access.url),
      authorizationFor: upstreamAuthorization(access, jwtSecretOf(config)),
      provision,
      checkRight: (caller) => identity.rights.check(caller),
      readBody: readUserDocument,
      timer,
      writes: new OneAtATime(),
      now: Date.now,
    },
  });
  const app = createApp({
    gate,
    gateBase: GATE_BASE,
    identity: identity.router,
    page,
    behindProxy: config.publicUrl !== undefined,
    onError,
  });
  const server = createServer({ keepAlive: true, keepAliveTimeout: 65_000 }, app);
  const url = await listen(server, config);

  return {
    url,
    identity,
    hub,
    upstream: access,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      hub.endAll();
      const late = setTimeout(() => server.closeAllConnections(), LONGEST_END);
      await closed;
      clearTimeout(late);
      unsubscribe();
      feed.close();
      identity.close();
      timer.close();
      await engine.close();
    },
  };
}

/** The CouchDB that is configured, or an engine of our own. */
function startUpstream({ config, storage, onEngineRequest }: StartOptions): Promise<EmbeddedEngine> {
  const { upstream } = config;
  if (upstream.kind === 'couchdb') return Promise.resolve({ access: upstream.access, close: () => Promise.resolve() });
  return startEmbeddedEngine({
    storage: storage ?? { kind: 'disk', directory: join(upstream.dataDirectory, 'couch') },
    ...(onEngineRequest === undefined ? {} : { onRequest: onEngineRequest }),
  });
}

const jwtSecretOf = ({ upstream }: Config): Buffer | undefined =>
  upstream.kind === 'couchdb' ? upstream.jwtSecret : undefined;

function listen(server: Server, { host, port }: Config): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenSentence(error, host, port))));
    server.listen(port, host, () => {
      const address = server.address();
      if (typeof address !== 'object' || address === null) {
        reject(new Error('The server listens on no port.'));
        return;
      }
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve(`http://${name}:${address.port}`);
    });
  });
}

function listenSentence({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is taken: stop what listens there, or set PORT to another one (0: any free one).`;
    case 'EACCES':
      return `Port ${port} needs rights that this user has not: set PORT to one from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST is ${host}, which is no address of this machine: set it to one, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `The server cannot listen on ${host}, port ${port} (${message}).`;
  }
}

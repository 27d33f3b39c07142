import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import { createApp } from './http-app.ts';
import type { Config } from '../config/config.ts';
import { createCore } from './core.ts';
import { createIdentity, type Identity } from '../identity/identity.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';
import { listen } from '../http/listen.ts';
import { AdmissionQueue } from '../lifecycle/admission-queue.ts';
import { trackConnections } from '../lifecycle/connection-tracker.ts';
import { drain } from '../lifecycle/drain.ts';
import { startMetricsServer } from '../observability/metrics-server.ts';
import { observeRequests } from '../observability/request-observer.ts';
import { connectionLimits, readOpenFilesLimit } from '../lifecycle/connection-limit.ts';
import { createObservability, createReadinessMonitor } from '../observability/observability.ts';
import { upstreamLabel } from '../observability/upstream-label.ts';
import { defaultPreferenceDefinition } from '../preferences/schema.ts';
import { startTelegram, type TelegramTimings } from '../telegram/telegram.ts';
import { verifySchema, assertTokenAccepted } from '../upstream/schema/verify-schema.ts';
import { openUpstream, type UpstreamAccess } from '../upstream/client.ts';
import { startEmbeddedEngine } from '../upstream/embedded/engine.ts';
import { createForward, createForwardAgent, openConnections } from '../upstream/forward.ts';
import type { Hub } from '../registry/hub.ts';
import { createProvision } from '../registry/provision-document.ts';
import { waitForDatabase } from '../upstream/connect.ts';
import { SERVER_ADMIN } from '../upstream/schema/security-objects.ts';
import { applySchema } from '../upstream/schema/apply-schema.ts';

export interface StartOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The built page's folder; undefined serves no page. */
  readonly page?: string | undefined;
  readonly rateLimits?: RateLimits;
  /** Of both feeds, as followChanges has it, in ms. */
  readonly heartbeat?: number;
  /** Of the Telegram bot. */
  readonly telegramTimes?: TelegramTimings | undefined;
  /** Between two heartbeats of a stream of preferences, in ms. */
  readonly streamHeartbeatMs?: number;
}

/** A running server. */
export interface Pouchgate {
  /** Where it is reached on this machine, without a slash at the end. */
  readonly url: string;
  readonly identity: Identity;
  readonly hub: Hub;
  readonly upstream: UpstreamAccess;
  /** Where Prometheus asks; undefined: nowhere. */
  readonly metricsUrl: string | undefined;
  /** Ends live requests as held, empty answers over `DRAIN_SECONDS`, finishes the others, and lets go of everything. */
  close(): Promise<void>;
}

/** Where clients find the gate: `<origin>/sync/<registry>`. */
const GATE_BASE = '/sync';

/** In ms. */
const MAX_SOCKET_IDLE_MS = 120_000;

/** Wires and starts everything. Rejects with a sentence when the upstream or a port cannot be had. */
export async function startPouchgate(options: StartOptions): Promise<Pouchgate> {
  const cleanups: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    for (let close = cleanups.pop(); close !== undefined; close = cleanups.pop()) await close();
  };
  try {
    return await startWithCleanup(options, (close) => cleanups.push(close), closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** `onClose` is called with what lets go of each thing that was opened; the last one opened goes first. */
async function startWithCleanup(
  options: StartOptions,
  addCleanup: (close: () => unknown) => void,
  closeAll: () => Promise<void>,
): Promise<Pouchgate> {
  const { config, log, page } = options;
  const { registry } = config;
  const heartbeat = options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat };
  const mount = { base: GATE_BASE, database: registry };
  const { metrics, feeds, onRequestCompleted } = createObservability({
    log,
    mount,
    metricsEnabled: config.metrics !== undefined,
  });

  const engine = await startUpstream(config);
  addCleanup(() => engine.close());
  const { access } = engine;
  const names = { registry, sessions: config.sessions };
  const { idPrefix } = config;
  const rules = defaultPreferenceDefinition(idPrefix);
  const upstream = openUpstream(access, {
    onResponse: (asked, status) => metrics.onUpstreamResponse(upstreamLabel(asked, names), status),
  });
  addCleanup(() => upstream.close());
  const { couch } = upstream;
  const agent = createForwardAgent(access.url);
  addCleanup(() => agent.destroy());
  const account = await waitForDatabase(couch);
  if (account.roles.includes(SERVER_ADMIN)) {
    const steps = await applySchema({ couch, ...names, idPrefix });
    log.debug({ steps }, 'The database is set up.');
    const changed = steps.filter(({ outcome }) => outcome === 'changed');
    if (changed.length > 0) log.warn({ changed }, 'Set-up has replaced what was in the database.');
  } else {
    for (const warning of await verifySchema({ couch, ...names, idPrefix, account })) log.warn(warning);
  }
  if (engine.jwtSecret !== undefined) await assertTokenAccepted(upstream, engine.jwtSecret);

  const provision = createProvision(couch, registry, rules.idOf);
  const identity = await createIdentity({
    config,
    idOf: rules.idOf,
    upstream,
    log,
    feedListener: feeds.sessions,
    onRegistered: (username: Username) => provision(username),
    ...(options.rateLimits === undefined ? {} : { rateLimits: options.rateLimits }),
    ...heartbeat,
  });
  addCleanup(() => identity.close());
  const { authenticate, authenticateCookie, accessMonitor } = identity;
  const onError = (error: unknown): void => log.error({ err: error }, 'A request failed unexpectedly.');
  const limits = options.rateLimits ?? DEFAULT_RATE_LIMITS;
  const { corsOrigins } = config;
  const core = createCore({
    upstream,
    forward: createForward(access.url, {
      agent,
      onResponse: (status) => metrics.onUpstreamResponse('forward', status),
    }),
    jwtSecret: engine.jwtSecret,
    mount,
    publicUrl: config.publicUrl ?? '',
    corsOrigins,
    rules,
    provision,
    authenticate: (req) => authenticate(req.headersDistinct),
    authenticateCookie,
    assertActive: (caller) => accessMonitor.assertActive(caller),
    rateLimit: limits.preferencesByName,
    log,
    feedListener: feeds.registry,
    onDelivered: metrics.onDelivered,
    onSlowReader: metrics.onSlowReader,
    ...heartbeat,
    ...(options.streamHeartbeatMs === undefined ? {} : { streamHeartbeatMs: options.streamHeartbeatMs }),
  });
  const { hub, service } = core;
  addCleanup(() => core.close());
  addCleanup(accessMonitor.onEnded((ended) => hub.onRevocation(ended)));
  const telegram = startTelegram({
    ...{ config, couch, service, identity, corsOrigins, limits, log, onError },
    timings: options.telegramTimes,
  });
  addCleanup(() => telegram.close());
  const readiness = createReadinessMonitor(upstream, registry, feeds);
  const app = createApp({
    gate: core.gate,
    gateBase: GATE_BASE,
    identity: identity.router,
    preferences: core.preferences,
    telegram: telegram.routers,
    readiness: () => readiness.check(),
    page,
    pageConfig: { database: `${GATE_BASE}/${encodeURIComponent(registry)}`, idPrefix },
    behindProxy: config.publicUrl !== undefined,
    onError,
  });
  const server = createServer({
    keepAlive: true,
    keepAliveTimeout: 65_000,
    headersTimeout: 20_000,
    requestTimeout: 120_000,
  });
  // Whoever takes none of an answer for this long is not waited for; a live answer says something every minute at least.
  server.setTimeout(MAX_SOCKET_IDLE_MS);
  observeRequests(server, onRequestCompleted);
  const connections = trackConnections(server);
  const maxConnections = connectionLimits(readOpenFilesLimit());
  const admission = new AdmissionQueue({
    handler: app,
    openConnections: () => connections.openConnections,
    maxConnections: maxConnections.served,
    onSheddingChange: (shedding) =>
      log.warn({ shedding }, shedding ? 'Requests are refused: too many wait.' : 'No request is refused any more.'),
  });
  server.on('connection', (socket) => admission.onConnection(socket));
  if (Number.isFinite(maxConnections.accepted)) server.maxConnections = maxConnections.accepted;
  server.on('request', admission.listener);
  metrics.attachSources({
    gate: hub,
    admission,
    feeds,
    pendingChanges: () => readiness.pendingChanges(),
    upstreamConnections: () => ({
      own: upstream.connections,
      forward: openConnections(agent),
      feeds: [feeds.registry, feeds.sessions].filter(({ connected }) => connected).length,
    }),
  });
  const metricsServer = config.metrics === undefined ? undefined : await startMetricsServer(metrics, config.metrics);
  addCleanup(() => metricsServer?.close());
  const variables = { host: 'HOST', port: 'PORT' };
  const url = await listen(server, { host: config.host, port: config.port, variables });

  let closed: Promise<void> | undefined;
  return {
    url,
    metricsUrl: metricsServer?.url,
    identity,
    hub,
    upstream: access,
    close: () => {
      readiness.startDraining();
      // At once, so that another gate goes on with the updates.
      void telegram.close();
      closed ??= drain({ connections, live: hub, log, spreadMs: config.drainSeconds * 1000 }).then(closeAll);
      return closed;
    },
  };
}

/** Where the data is; without a JWT secret users' requests are made as the service account. */
interface StartedUpstream {
  readonly access: UpstreamAccess;
  readonly jwtSecret: Buffer | undefined;
  close(): unknown;
}

/** The CouchDB that is configured, or an engine of our own. */
async function startUpstream({ upstream }: Config): Promise<StartedUpstream> {
  if (upstream.kind === 'couchdb') return { ...upstream, close: () => undefined };
  return startEmbeddedEngine({ storage: { kind: 'disk', directory: join(upstream.dataDirectory, 'couch') } });
}

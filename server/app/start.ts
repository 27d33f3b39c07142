import type { RequestListener } from 'node:http';
import { listen } from '../http/listen.ts';
import { DEFAULT_RATE_LIMITS } from '../http/rate-limits.ts';
import { requestIds } from '../http/request-context.ts';
import type { Identity } from '../identity/identity.ts';
import { drain } from '../lifecycle/drain.ts';
import { DrainLead } from '../lifecycle/drain-lead.ts';
import { startMetricsServer, type MetricsServer } from '../observability/metrics-server.ts';
import type { MetricValues } from '../observability/metrics.ts';
import { createObservability } from '../observability/observability.ts';
import { createReadinessMonitor, type ReadinessMonitor } from '../observability/readiness-monitor.ts';
import type { Hub } from '../registry/hub.ts';
import type { UpstreamAccess } from '../upstream/client.ts';
import { prepareDatabase } from '../upstream/schema/prepare-database.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { connectUpstream } from './connect-upstream.ts';
import { createHttpServer } from './create-server.ts';
import { removeDemoUser } from './demo-user.ts';
import { createApp } from './http-app.ts';
import type { StartContext, StartOptions } from './start-context.ts';
import { startServices, type Services } from './start-services.ts';

/** A running server. */
export interface Pouchgate {
  /** The server's URL on this machine, without a trailing slash. */
  readonly url: string;
  readonly identity: Identity;
  readonly hub: Hub;
  readonly upstream: UpstreamAccess;
  /** The URL for Prometheus to scrape; `undefined` if metrics are off. */
  readonly metricsUrl: string | undefined;
  /** Resolves with the current values of all metrics. */
  readonly metrics: () => Promise<MetricValues>;
  /**
   * Reports the server as not ready, and serves everything for `DRAIN_LEAD_SECONDS`. Then it closes the port, ends live
   * requests as held, empty responses over `DRAIN_SECONDS`, finishes the others, and releases all resources.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends the drain lead time now. Returns false if it is over, or `close` was not called. */
  endDrainLead(): boolean;
}

export interface CloseOptions {
  /**
   * Whether other processes keep serving the port. The server then stays ready, and serves everything for three seconds instead of
   * `DRAIN_LEAD_SECONDS`. Default: false.
   */
  readonly isReplaced?: boolean;
  /** Called after the last request, before the connections to the database are closed. */
  readonly onDrained?: () => Promise<void>;
}

/**
 * How long a server that is replaced still serves its connections, in ms: each response that it sends is the last one on its connection.
 * A connection that is idle for longer is closed.
 */
const REPLACED_LEAD_MS = 3_000;

/** Clients replicate with `<origin>/sync/<registry>`. */
const GATE_BASE = '/sync';

/**
 * Starts a whole server: upstream, gate, sign-in, Telegram bot, page and metrics. Rejects with an error for the operator if
 * the upstream or a port is unavailable; everything opened until then is closed again.
 */
export async function startPouchgate(options: StartOptions): Promise<Pouchgate> {
  const { config, log } = options;
  const cleanups = new CleanupStack();
  const mount = { base: GATE_BASE, database: config.registry };
  try {
    return await startServer({
      ...options,
      mount,
      observability: createObservability({ log, mount, metricsEnabled: config.metrics !== undefined }),
      rateLimits: options.rateLimits ?? DEFAULT_RATE_LIMITS,
      onError: (error, res) => log.error({ ...requestIds(res), err: error }, 'A request failed unexpectedly.'),
      cleanups,
    });
  } catch (error) {
    await cleanups.run();
    throw error;
  }
}

async function startServer(context: StartContext): Promise<Pouchgate> {
  const { config, log, observability } = context;
  const connection = await connectUpstream(context);
  const { upstream, jwtSecret, forwardAgent } = connection;
  await prepareDatabase({
    upstream,
    registry: config.registry,
    sessions: config.sessions,
    idPrefix: config.idPrefix,
    jwtSecret,
    onWarning: (sentence) => log.warn(sentence),
    onApplied: (steps) => {
      log.debug({ steps }, 'The database is set up.');
      const changed = steps.filter(({ outcome }) => outcome === 'changed');
      if (changed.length > 0) log.warn({ changed }, 'Set-up has replaced what was in the database.');
    },
  });
  const services = await startServices(context, connection);
  const { identity, core, telegram } = services;
  await removeDemoUser(config, identity, log);
  const { feeds, clocks, limits } = observability;
  const readiness = createReadinessMonitor({
    upstream,
    registry: config.registry,
    jwtSecret,
    feeds,
    clocks,
    limits,
    log,
  });
  const { server, connections, admission } = createHttpServer({
    handler: createRequestHandler(context, services, readiness),
    clock: upstream.clock,
    onRequestCompleted: observability.onRequestCompleted,
    recentUserOf: identity.recentUserOf,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    onLimited: limits.count,
  });
  observability.attachServer({ gate: core.hub, admission, waiting: core.waiting, readiness, upstream, forwardAgent });
  const metricsServer = await startMetrics(context);
  const url = await listen(server, {
    host: config.host,
    port: config.port,
    variables: { host: 'HOST', port: 'PORT' },
  });

  const drainLead = new DrainLead();
  const stop = async ({ isReplaced = false, onDrained }: CloseOptions): Promise<void> => {
    const { drainLeadSeconds: seconds, drainSeconds } = config;
    if (!isReplaced) {
      if (seconds > 0)
        log.info({ seconds }, 'Not ready. Still serving requests until load balancers stop sending them.');
      readiness.startDraining();
    }
    connections.endKeepAlive();
    await drainLead.run(isReplaced ? REPLACED_LEAD_MS : seconds * 1000);
    // Started immediately, so that another gate takes over the bot's updates.
    void telegram.close();
    await drain({ connections, live: core.hub, log, spreadMs: drainSeconds * 1000 });
    await onDrained?.();
    await context.cleanups.run();
  };
  let closed: Promise<void> | undefined;
  return {
    url,
    metricsUrl: metricsServer?.url,
    identity,
    hub: core.hub,
    upstream: upstream.access,
    metrics: () => observability.metrics.values(),
    close: (options = {}) => (closed ??= stop(options)),
    endDrainLead: () => drainLead.end(),
  };
}

/** Creates the application of all HTTP interfaces. */
function createRequestHandler(
  { config, log, page, onError }: StartContext,
  { identity, core, telegram }: Services,
  readiness: ReadinessMonitor,
): RequestListener {
  return createApp({
    gate: core.gate,
    gateBase: GATE_BASE,
    identity: identity.router,
    preferences: core.preferences,
    telegram: telegram.routers,
    readiness: () => readiness.check(),
    page,
    pageConfig: { database: `${GATE_BASE}/${encodeURIComponent(config.registry)}`, idPrefix: config.idPrefix },
    behindProxy: config.publicUrl !== undefined,
    trustedProxies: config.trustedProxies,
    onWarning: (sentences) => log.warn(sentences),
    onError,
  });
}

/** Serves the metrics on their own port, unless they are off or another process serves them. */
async function startMetrics({
  config,
  observability,
  servesMetrics = true,
  cleanups,
}: StartContext): Promise<MetricsServer | undefined> {
  if (config.metrics === undefined || !servesMetrics) return undefined;
  const metricsServer = await startMetricsServer(observability.metrics, config.metrics);
  cleanups.add(() => metricsServer.close());
  return metricsServer;
}

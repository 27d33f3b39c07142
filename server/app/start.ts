import type { RequestListener } from 'node:http';
import { listen } from '../http/listen.ts';
import { DEFAULT_RATE_LIMITS } from '../http/rate-limits.ts';
import { requestIds } from '../http/request-context.ts';
import type { Identity } from '../identity/identity.ts';
import { drain } from '../lifecycle/drain.ts';
import { DrainLead } from '../lifecycle/drain-lead.ts';
import { startMetricsServer, type MetricsServer } from '../observability/metrics-server.ts';
import { createObservability } from '../observability/observability.ts';
import { createReadinessMonitor, type ReadinessMonitor } from '../observability/readiness-monitor.ts';
import type { Hub } from '../registry/hub.ts';
import type { UpstreamAccess } from '../upstream/client.ts';
import { prepareDatabase } from '../upstream/schema/prepare-database.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { connectUpstream } from './connect-upstream.ts';
import { createHttpServer } from './create-server.ts';
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
  /**
   * Reports the server as not ready, and serves everything for `DRAIN_LEAD_SECONDS`. Then it closes the port, ends live
   * requests as held, empty responses over `DRAIN_SECONDS`, finishes the others, and releases all resources.
   */
  close(): Promise<void>;
  /** Ends the drain lead time now. Returns false if it is over, or `close` was not called. */
  endDrainLead(): boolean;
}

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
    onLimited: observability.limits.count,
  });
  observability.attachServer({ gate: core.hub, admission, readiness, upstream, forwardAgent });
  const metricsServer = await startMetrics(context);
  const url = await listen(server, {
    host: config.host,
    port: config.port,
    variables: { host: 'HOST', port: 'PORT' },
  });

  const drainLead = new DrainLead(config.drainLeadSeconds * 1000);
  const stop = async (): Promise<void> => {
    const { drainLeadSeconds: seconds, drainSeconds } = config;
    if (seconds > 0) log.info({ seconds }, 'Not ready. Still serving requests until load balancers stop sending them.');
    readiness.startDraining();
    connections.endKeepAlive();
    await drainLead.run();
    // Started immediately, so that another gate takes over the bot's updates.
    void telegram.close();
    await drain({ connections, live: core.hub, log, spreadMs: drainSeconds * 1000 });
    await context.cleanups.run();
  };
  let closed: Promise<void> | undefined;
  return {
    url,
    metricsUrl: metricsServer?.url,
    identity,
    hub: core.hub,
    upstream: upstream.access,
    close: () => (closed ??= stop()),
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

/** Serves the metrics on their own port, unless they are off. */
async function startMetrics({ config, observability, cleanups }: StartContext): Promise<MetricsServer | undefined> {
  if (config.metrics === undefined) return undefined;
  const metricsServer = await startMetricsServer(observability.metrics, config.metrics);
  cleanups.add(() => metricsServer.close());
  return metricsServer;
}

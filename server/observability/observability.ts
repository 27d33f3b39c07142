import type { Agent } from 'node:http';
import type { Logger } from 'pino';
import type { Mount } from '../gate/request/target.ts';
import type { Upstream } from '../upstream/client.ts';
import { openConnections } from '../upstream/forward.ts';
import { FeedMonitor } from './feed-monitor.ts';
import { Metrics } from './metrics.ts';
import { decideReadiness, type Readiness } from './readiness.ts';
import { createRequestLog } from './request-log.ts';
import type { CompletedRequest } from './request-observer.ts';
import { routeLabel } from './route-label.ts';
import type { AdmissionStats, GateStats } from './source-metrics.ts';
import { createProbeRequest, UpstreamProbe } from './upstream-probe.ts';

export interface ObservabilityOptions {
  readonly log: Logger;
  readonly mount: Mount;
  /** Whether the metrics are served, and so include those of the process. */
  readonly metricsEnabled: boolean;
}

/** The parts of a running server that the metrics read at each scrape. */
export interface ServerStats {
  readonly gate: GateStats;
  readonly admission: AdmissionStats;
  readonly readiness: Pick<ReadinessMonitor, 'check' | 'pendingChanges'>;
  readonly upstream: Pick<Upstream, 'connections'>;
  readonly forwardAgent: Agent;
}

/** The metrics, the monitors of both feeds and the request log of one server. */
export interface Observability {
  readonly metrics: Metrics;
  readonly feeds: { readonly registry: FeedMonitor; readonly sessions: FeedMonitor };
  /** Counts and logs a request. */
  readonly onRequestCompleted: (request: CompletedRequest) => void;
  /** Adds the metrics that are read from the running server. */
  attachServer(stats: ServerStats): void;
}

export function createObservability({ log, mount, metricsEnabled }: ObservabilityOptions): Observability {
  const metrics = new Metrics({ withProcess: metricsEnabled });
  const feeds = { registry: new FeedMonitor('registry', log), sessions: new FeedMonitor('sessions', log) };
  const logRequest = createRequestLog(log);
  return {
    metrics,
    feeds,
    onRequestCompleted: (request) => {
      const route = routeLabel(request.rawUrl, mount, request.context.isLive);
      const labelled = { ...request, route };
      metrics.onRequestCompleted(labelled);
      logRequest(labelled);
    },
    attachServer: ({ gate, admission, readiness, upstream, forwardAgent }) =>
      metrics.attachSources({
        gate,
        admission,
        feeds,
        readinessChecks: async () => (await readiness.check()).body.checks,
        pendingChanges: () => readiness.pendingChanges(),
        upstreamConnections: () => ({
          own: upstream.connections,
          forward: openConnections(forwardAgent),
          feeds: Object.values(feeds).filter(({ connected }) => connected).length,
        }),
      }),
  };
}

/** Checks whether the server is ready, and estimates how far its feed is behind. */
export interface ReadinessMonitor {
  check(): Promise<Readiness>;
  /** Returns how many changes the feed was behind at the last check, or `undefined` if unknown. */
  pendingChanges(): number | undefined;
  /** Reports the server as not ready from now on, because it is about to stop. */
  startDraining(): void;
}

export function createReadinessMonitor(
  upstream: Upstream,
  registry: string,
  feeds: Observability['feeds'],
): ReadinessMonitor {
  const probe = new UpstreamProbe(createProbeRequest(upstream, registry));
  let draining = false;
  return {
    check: async () => {
      const { responded } = await probe.check();
      return decideReadiness({
        not_draining: !draining,
        registry_feed: feeds.registry.connected,
        sessions_feed: feeds.sessions.connected,
        upstream: responded,
      });
    },
    pendingChanges: () => {
      const { last } = probe;
      const { seq } = feeds.registry;
      return last?.responded === true && seq !== undefined ? Math.max(0, last.seq - seq) : undefined;
    },
    startDraining: () => {
      draining = true;
    },
  };
}

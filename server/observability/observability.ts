import type { Agent } from 'node:http';
import type { Logger } from 'pino';
import type { Mount } from '../gate/request/target.ts';
import type { Upstream } from '../upstream/client.ts';
import { openConnections } from '../upstream/forward-agent.ts';
import { ClockMonitor } from './clock-monitor.ts';
import { FeedMonitor } from './feed-monitor.ts';
import { LimitsMonitor } from './limits-monitor.ts';
import { Metrics } from './metrics.ts';
import type { ReadinessMonitor } from './readiness-monitor.ts';
import { createRequestLog } from './request-log.ts';
import type { CompletedRequest } from './request-observer.ts';
import { routeLabel } from './route-label.ts';
import type { AdmissionStats, GateStats, ShareStats } from './source-metrics.ts';

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
  readonly waiting: () => ShareStats;
  readonly readiness: Pick<ReadinessMonitor, 'check' | 'pendingChanges'>;
  readonly upstream: Pick<Upstream, 'connections' | 'clock'>;
  readonly forwardAgent: Agent;
}

/** The metrics, the monitors of the feeds, the clocks and the limits, and the request log of one server. */
export interface Observability {
  readonly metrics: Metrics;
  readonly feeds: { readonly registry: FeedMonitor; readonly sessions: FeedMonitor };
  readonly clocks: ClockMonitor;
  /** Counts what limits reject or delay. A completed request is counted by the `limit` of its context. */
  readonly limits: LimitsMonitor;
  /** Counts and logs a request. */
  readonly onRequestCompleted: (request: CompletedRequest) => void;
  /** Adds the metrics that are read from the running server. */
  attachServer(stats: ServerStats): void;
}

export function createObservability({ log, mount, metricsEnabled }: ObservabilityOptions): Observability {
  const metrics = new Metrics({ withProcess: metricsEnabled });
  const feeds = { registry: new FeedMonitor('registry', log), sessions: new FeedMonitor('sessions', log) };
  const clocks = new ClockMonitor(log);
  const limits = new LimitsMonitor({ log });
  const logRequest = createRequestLog(log);
  return {
    metrics,
    feeds,
    clocks,
    limits,
    onRequestCompleted: (request) => {
      const route = routeLabel(request.rawUrl, mount, request.context.isLive);
      const labelled = { ...request, route };
      metrics.onRequestCompleted(labelled);
      logRequest(labelled);
      const { limit } = request.context;
      if (limit !== undefined) limits.count(limit);
    },
    attachServer: ({ gate, admission, waiting, readiness, upstream, forwardAgent }) =>
      metrics.attachSources({
        gate,
        admission,
        waiting,
        limits,
        feeds,
        readinessChecks: async () => (await readiness.check()).body.checks,
        pendingChanges: () => readiness.pendingChanges(),
        clockOffsetMs: () => upstream.clock.offset?.offsetMs,
        upstreamConnections: () => ({
          own: upstream.connections,
          forward: openConnections(forwardAgent),
          feeds: Object.values(feeds).filter(({ connected }) => connected).length,
        }),
      }),
  };
}

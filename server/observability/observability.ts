import type { Logger } from 'pino';
import type { Mount } from '../gate/request/target.ts';
import type { Upstream } from '../upstream/client.ts';
import { FeedMonitor } from './feed-monitor.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createProbeRequest, UpstreamProbe } from './upstream-probe.ts';
import { decideReadiness, type Readiness } from './readiness.ts';
import { createRequestLog } from './request-log.ts';
import type { CompletedRequest } from './request-observer.ts';

export interface ObservabilityOptions {
  readonly log: Logger;
  readonly mount: Mount;
  /** Whether anybody can ask for the metrics. */
  readonly metricsEnabled: boolean;
}

/** What an operator sees the server by. */
export interface Observability {
  readonly metrics: Metrics;
  readonly feeds: { readonly registry: FeedMonitor; readonly sessions: FeedMonitor };
  readonly onRequestCompleted: (over: CompletedRequest) => void;
}

export function createObservability({ log, mount, metricsEnabled }: ObservabilityOptions): Observability {
  const metrics = createMetrics({ withProcess: metricsEnabled });
  const logRequest = createRequestLog(log, mount);
  return {
    metrics,
    feeds: { registry: new FeedMonitor('registry', log), sessions: new FeedMonitor('sessions', log) },
    onRequestCompleted: (request) => {
      metrics.onRequestCompleted(request);
      logRequest(request);
    },
  };
}

/** Whether the server is ready, and how far its feed was behind when that was last asked. */
export interface ReadinessMonitor {
  check(): Promise<Readiness>;
  pendingChanges(): number | undefined;
  /** The server is about to stop. */
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
      const { answered } = await probe.check();
      return decideReadiness({
        not_draining: !draining,
        registry_feed: feeds.registry.connected,
        sessions_feed: feeds.sessions.connected,
        upstream: answered,
      });
    },
    pendingChanges: () => {
      const { last } = probe;
      const { seq } = feeds.registry;
      return last?.answered === true && seq !== undefined ? Math.max(0, last.seq - seq) : undefined;
    },
    startDraining: () => {
      draining = true;
    },
  };
}

import type { Logger } from 'pino';
import type { Mount } from '../gate/request/target.ts';
import type { Upstream } from '../upstream/client.ts';
import { FeedWatch } from './feed-monitor.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { askUpstream, Probe } from './upstream-probe.ts';
import { decideReadiness, type Readiness } from './readiness.ts';
import { createRequestLog } from './request-log.ts';
import type { RequestOver } from './request-observer.ts';

export interface OperationsOptions {
  readonly log: Logger;
  readonly mount: Mount;
  /** Whether anybody can ask for the metrics. */
  readonly measured: boolean;
}

/** What an operator sees the server by. */
export interface Operations {
  readonly metrics: Metrics;
  readonly feeds: { readonly registry: FeedWatch; readonly sessions: FeedWatch };
  readonly onRequestOver: (over: RequestOver) => void;
}

export function createOperations({ log, mount, measured }: OperationsOptions): Operations {
  const metrics = createMetrics({ withProcess: measured });
  const writeLine = createRequestLog(log, mount);
  return {
    metrics,
    feeds: { registry: new FeedWatch('registry', log), sessions: new FeedWatch('sessions', log) },
    onRequestOver: (over) => {
      metrics.onRequestOver(over);
      writeLine(over);
    },
  };
}

/** Whether the server is ready, and how far its feed was behind when that was last asked. */
export interface ReadinessRoom {
  ask(): Promise<Readiness>;
  pending(): number | undefined;
  /** The server is about to stop. */
  drain(): void;
}

export function createReadiness(upstream: Upstream, registry: string, feeds: Operations['feeds']): ReadinessRoom {
  const probe = new Probe(askUpstream(upstream, registry));
  let draining = false;
  return {
    ask: async () => {
      const { answered } = await probe.ask();
      return decideReadiness({
        not_draining: !draining,
        registry_feed: feeds.registry.up,
        sessions_feed: feeds.sessions.up,
        upstream: answered,
      });
    },
    pending: () => {
      const { last } = probe;
      const { seq } = feeds.registry;
      return last?.answered === true && seq !== undefined ? Math.max(0, last.seq - seq) : undefined;
    },
    drain: () => {
      draining = true;
    },
  };
}

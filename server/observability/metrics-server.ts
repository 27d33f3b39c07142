import { createServer } from 'node:http';
import { methodNotAllowed, notFound, sendError } from '../http/errors.ts';
import { listen } from '../http/listen.ts';
import { trackConnections } from '../lifecycle/connection-tracker.ts';
import { evictConnections } from './evict-connections.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServer {
  /** The URL that Prometheus scrapes. */
  readonly url: string;
  close(): Promise<void>;
}

/** Prometheus uses one connection, so more than a few come from something else. Beyond the limit, an idle one is closed. */
const MAX_CONNECTIONS = 20;
/**
 * In ms. A scrape sends its request at once. Node checks the first two at the interval, which is 30 s by default. Prometheus keeps a
 * connection open between scrapes, which are a minute apart at most.
 */
const TIMEOUTS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
} as const;
/** A client that reads nothing for this long (ms) is disconnected. */
const MAX_SOCKET_IDLE_MS = 10_000;

/**
 * Serves `/metrics` and nothing else, on a separate port that clients of the gate do not reach. Rejects with an error for
 * the operator if it cannot listen there.
 */
export async function startMetricsServer(
  metrics: Pick<Metrics, 'render' | 'contentType'>,
  address: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer(TIMEOUTS, (req, res) => {
    // A request body has no meaning here, so it is not read.
    if (!req.complete) res.shouldKeepAlive = req.method === 'GET' || req.method === 'HEAD';
    if (req.url?.split('?', 1)[0] !== '/metrics') {
      sendError(res, notFound());
      return;
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      sendError(res, methodNotAllowed('GET,HEAD'));
      return;
    }
    metrics.render().then(
      (text) => {
        const bytes = Buffer.from(text);
        const headers = {
          'Content-Type': metrics.contentType,
          'Content-Length': bytes.length,
          'Cache-Control': 'no-store',
        };
        res.writeHead(200, headers).end(bytes);
      },
      (error: unknown) => sendError(res, error),
    );
  });
  server.setTimeout(MAX_SOCKET_IDLE_MS);
  evictConnections(server, MAX_CONNECTIONS);
  // It limits the pipelined requests.
  trackConnections(server);
  const variables = { host: 'METRICS_HOST', port: 'METRICS_PORT' };
  const origin = await listen(server, { ...address, variables });
  return {
    url: `${origin}/metrics`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

import { createServer, type RequestListener, type Server } from 'node:http';
import type { Logger } from 'pino';
import { setDateHeader, type ResponseClock } from '../http/date-header.ts';
import { identifyRequest } from '../http/identify-request.ts';
import { AdmissionQueue } from '../lifecycle/admission-queue.ts';
import { connectionLimits, limitConnections, readOpenFilesLimit } from '../lifecycle/connection-limit.ts';
import { trackConnections, type ConnectionTracker } from '../lifecycle/connection-tracker.ts';
import { observeRequests, type CompletedRequest } from '../observability/request-observer.ts';

export interface HttpServerOptions {
  /** Called with each admitted request. */
  readonly handler: RequestListener;
  /** The time of all responses, of rejected requests as well. */
  readonly clock: ResponseClock;
  /** Called once per request, after its response has ended. */
  readonly onRequestCompleted: (request: CompletedRequest) => void;
  readonly log: Pick<Logger, 'warn'>;
}

/** A server that does not listen yet. */
export interface HttpServer {
  readonly server: Server;
  readonly connections: ConnectionTracker;
  readonly admission: AdmissionQueue;
}

/** In ms. */
const TIMEOUTS = { keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 120_000 } as const;

/** In bytes: a token of MAX_TOKEN_LENGTH, cookies, and the URL of a document. Node's default is 16 kB. */
const MAX_HEADER_SIZE = 40 * 1024;

/** A client that reads nothing for this long (ms) is disconnected. A live response sends something every minute at least. */
const MAX_SOCKET_IDLE_MS = 120_000;

/** Creates the HTTP server, with its connection limits and its admission queue in front of `handler`. */
export function createHttpServer({ handler, clock, onRequestCompleted, log }: HttpServerOptions): HttpServer {
  const server = createServer({ keepAlive: true, maxHeaderSize: MAX_HEADER_SIZE, ...TIMEOUTS });
  server.setTimeout(MAX_SOCKET_IDLE_MS);
  observeRequests(server, onRequestCompleted);
  server.prependListener('request', identifyRequest);
  server.prependListener('request', (_req, res) => setDateHeader(res, clock));
  const connections = trackConnections(server);
  const maxConnections = connectionLimits(readOpenFilesLimit());
  const admission = new AdmissionQueue({
    handler,
    openConnections: () => connections.openConnections,
    maxConnections: maxConnections.served,
    onSheddingChange: (shedding) =>
      log.warn({ shedding }, shedding ? 'Overloaded: rejecting requests.' : 'No longer rejecting requests.'),
  });
  server.on('connection', (socket) => admission.onConnection(socket));
  limitConnections(server, maxConnections.accepted, () => connections.openConnections);
  server.on('request', admission.listener);
  return { server, connections, admission };
}

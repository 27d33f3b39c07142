import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { addressKey, createClientAddress } from '../http/client-address.ts';
import { setDateHeader, type ResponseClock } from '../http/date-header.ts';
import { identifyRequest } from '../http/identify-request.ts';
import type { LimitName } from '../http/limit-names.ts';
import { PreparedRefusals } from '../http/prepared-refusal.ts';
import { createTrust, type TrustedProxies } from '../http/trusted-proxies.ts';
import { AdmissionQueue } from '../lifecycle/admission-queue.ts';
import { createClientKey } from '../lifecycle/client-key.ts';
import { connectionLimits, limitConnections, readOpenFilesLimit } from '../lifecycle/connection-limit.ts';
import { ConnectionShares } from '../lifecycle/connection-shares.ts';
import { trackConnections, type ConnectionTracker } from '../lifecycle/connection-tracker.ts';
import { createRequestObserver, type CompletedRequest } from '../observability/request-observer.ts';
import type { AdmissionStats } from '../observability/source-metrics.ts';

export interface HttpServerOptions {
  /** Called with each admitted request. */
  readonly handler: RequestListener;
  /** The time of the responses to admitted requests. */
  readonly clock: ResponseClock;
  /** Called once per admitted request, after its response has ended. */
  readonly onRequestCompleted: (request: CompletedRequest) => void;
  /** Returns the user of an `Authorization` header whose token was verified lately. */
  readonly recentUserOf: (authorization: string) => string | undefined;
  readonly trustedProxies: TrustedProxies;
  /** Pages of these origins may read refusals. */
  readonly corsOrigins: readonly string[];
  /** Called with the limit for each request or connection that is refused before it is admitted. */
  readonly onLimited: (limit: LimitName) => void;
  /** The process's limit on open files. Default: that of the system. */
  readonly openFiles?: number;
}

/** A server that does not listen yet. */
export interface HttpServer {
  readonly server: Server;
  readonly connections: ConnectionTracker;
  readonly admission: AdmissionStats;
  readonly refusals: PreparedRefusals;
}

/** In ms. */
const TIMEOUTS = { keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 120_000 } as const;

/** In bytes: a token of MAX_TOKEN_LENGTH, cookies, and the URL of a document. Node's default is 16 kB. */
const MAX_HEADER_SIZE = 40 * 1024;

/** A client that reads nothing for this long (ms) is disconnected. A live response sends something every minute at least. */
const MAX_SOCKET_IDLE_MS = 120_000;

/**
 * Creates the HTTP server, with its connection limits and its admission queue in front of `handler`. What a request costs beyond its
 * parsing (its ids, its observation) begins when it is admitted.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { handler, clock, onRequestCompleted, corsOrigins, onLimited, openFiles = readOpenFilesLimit() } = options;
  const server = createServer({ keepAlive: true, maxHeaderSize: MAX_HEADER_SIZE, ...TIMEOUTS });
  server.setTimeout(MAX_SOCKET_IDLE_MS);
  const connections = trackConnections(server, () => onLimited('pipelined_requests'));
  const limits = connectionLimits(openFiles);
  const refusals = new PreparedRefusals({ corsOrigins, onRefusal: onLimited });
  const trusts = createTrust(options.trustedProxies);
  const observe = createRequestObserver(onRequestCompleted);
  const admission = new AdmissionQueue({
    handler: (req, res, arrivedAt) => {
      observe(res, '', arrivedAt);
      setDateHeader(res, clock);
      identifyRequest(req, res);
      handler(req, res);
    },
    keyOf: createClientKey(options.recentUserOf, createClientAddress(trusts)),
    refusals,
    openConnections: () => connections.openConnections,
    maxConnections: limits.served,
  });
  const shares = new ConnectionShares({
    limit: limits.served,
    openConnections: () => connections.openConnections,
    addressOf: ({ remoteAddress = '' }: Socket) => (trusts(remoteAddress) ? undefined : addressKey(remoteAddress)),
    onDestroyed: () => onLimited('connection_share'),
  });
  server.on('connection', (socket) => {
    if (shares.onConnection(socket)) admission.onConnection(socket);
  });
  limitConnections(server, limits.accepted, () => connections.openConnections);
  server.on('request', admission.listener);
  const stats: AdmissionStats = {
    get queued() {
      return admission.queued;
    },
    get shed() {
      return refusals.sent;
    },
  };
  return { server, connections, admission: stats, refusals };
}

import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyMiddleware, type Plugin } from 'http-proxy-middleware';
import { badGateway, clientDisconnected, serviceUnavailable, type HttpError } from '../http/errors.ts';
import { requestContext } from '../http/request-context.ts';
import { formatTraceparent } from '../http/traceparent.ts';
import { describeFailedResponse, describeMissingResponse } from '../http/upstream-failure.ts';
import { parseJson } from '../lib/json.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../lib/on-disconnect.ts';

/** A request that the gate has built from parsed and checked values. Nothing is copied unread from a client's request. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path segments relative to the upstream's URL, not yet encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  /** Serialised by the forwarder, so that exactly the checked value is sent. */
  readonly body?: unknown;
  /** The `Authorization` header. */
  readonly authorization: string;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly body: unknown;
  /** The header `X-Couch-Request-ID`. */
  readonly couchRequestId?: string | undefined;
}

/** Sends a built request upstream. It is aborted when the client of the response `res` disconnects. */
export type Forward = (request: UpstreamRequest, res: ServerResponse) => Promise<UpstreamResponse>;

/** Far above any response about one document. A larger response is not buffered. In characters. */
const MAX_RESPONSE_CHARS = 64 * 1024 * 1024;

/** The headers that identify the client's request. Their values were parsed. */
type IdHeaders = Readonly<Partial<Record<'x-request-id' | 'traceparent', string>>>;

function idHeaders(res: ServerResponse): IdHeaders {
  const { requestId, span } = requestContext(res);
  return {
    ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    ...(span === undefined ? {} : { traceparent: formatTraceparent(span) }),
  };
}

/**
 * The request passed to the proxy in place of the client's. It contains the built request alone, so nothing of the
 * client's can be forwarded: no header, cookie, `Connection` nomination, path trick or framing. It shares only the
 * client's socket, by which the proxy detects a disconnect.
 */
class BuiltRequest extends http.IncomingMessage {
  readonly upstreamResponse: Promise<UpstreamResponse>;
  /** True once the upstream's response has started. It may still be cut off. */
  hasResponse = false;
  /** True once the client has disconnected. The proxy then aborts the request, which cuts its response off. */
  isAbandoned = false;
  settle: (response: Promise<UpstreamResponse>) => void = () => undefined;

  constructor({ method, path, query, body, authorization }: UpstreamRequest, client: Socket, ids: IdHeaders) {
    super(client);
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    this.method = method;
    this.url = `/${path.map(encodeURIComponent).join('/')}${search}`;
    this.headers = { accept: 'application/json', 'accept-encoding': 'identity', authorization, ...ids };
    this.complete = true;
    if (body !== undefined) {
      const bytes = Buffer.from(JSON.stringify(body));
      this.headers['content-type'] = 'application/json';
      this.headers['content-length'] = String(bytes.length);
      this.push(bytes);
    }
    this.push(null);
    this.upstreamResponse = new Promise((resolve) => {
      this.settle = (response) => {
        // A response that is cut off emits several events, of which the first counts. An unhandled rejection from a
        // later one would end the process.
        response.catch(() => undefined);
        resolve(response);
      };
    });
  }

  /** The whole body is pushed already. The inherited method would read from the client's socket. */
  override _read(): void {
    return;
  }

  /** The inherited method would close the client's socket. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    callback(error);
  }
}

/**
 * The response passed to the proxy in place of the client's. The proxy may close it and add listeners without touching
 * the client's response, which may be shared by several upstream requests. It only reports that the client disconnected.
 */
class StandInResponse extends http.ServerResponse<BuiltRequest> implements DisconnectListener {
  onDisconnect(): void {
    this.req.isAbandoned = true;
    this.emit('close');
  }
}

/** Buffers a response. Rejects one that CouchDB never sends to a gate: no JSON, a redirect, 401 or 403. */
function readResponse(response: IncomingMessage, request: BuiltRequest): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_RESPONSE_CHARS) response.destroy(new Error('too large'));
    });
    const status = response.statusCode ?? 0;
    const couchRequestId = response.headers['x-couch-request-id'];
    const cutOff = { status, reason: 'cut off' };
    const rejectCutOff = (): void =>
      reject(request.isAbandoned ? clientDisconnected() : badGateway("The database's response was cut off.", cutOff));
    response.on('error', rejectCutOff);
    response.on('close', () => {
      if (!response.complete) rejectCutOff();
    });
    response.on('end', () => {
      const body = parseJson(text);
      const failure = describeFailedResponse(status, body, couchRequestId);
      if (status === 401 || status === 403 || (status >= 300 && status < 400))
        reject(badGateway(`The database did not accept the gate's own request (status ${status}).`, failure));
      else if (status === 429 || status === 503) reject(serviceUnavailable('The database is busy.', failure));
      else if (body === undefined)
        reject(badGateway(`The database's response was not JSON (status ${status}).`, failure));
      else resolve({ status, body, couchRequestId: failure.requestId });
    });
  });
}

/** The error's message names the address of the database, so it is not sent to the client. */
const upstreamUnresponsive = (error: unknown): HttpError =>
  serviceUnavailable('The database does not answer.', describeMissingResponse(error));

/** Settles each request from the proxy's events. Replaces the default plugins, which write responses themselves. */
const settleFromEvents =
  (onResponse: (status: number | undefined) => void): Plugin<BuiltRequest> =>
  (proxy) => {
    proxy.on('proxyRes', (response, request) => {
      request.hasResponse = true;
      onResponse(response.statusCode);
      request.settle(readResponse(response, request));
    });
    // The client disconnected and its request was aborted. The caller must still be notified.
    proxy.on('econnreset', (_error, request) => request.settle(Promise.reject(clientDisconnected())));
    proxy.on('error', (error, proxiedRequest) => {
      const request = proxiedRequest as BuiltRequest;
      if (!request.hasResponse) onResponse(undefined);
      request.settle(Promise.reject(upstreamUnresponsive(error)));
    });
  };

/** Limit of concurrent user requests. The process's own requests use a separate, smaller pool. */
const MAX_CONNECTIONS = 8;

/** In ms. A request that hangs must not hold its connection for long after the upstream has recovered. */
const MAX_IDLE_MS = 10_000;

/**
 * How long a connection may be idle, in ms. A request on a connection that the upstream is about to close fails with
 * ECONNRESET. Node's agent applies the upstream's `Keep-Alive: timeout` only if it has its own timeout (Node 20.20). Without it, an
 * edit five seconds after the previous one, when the engine closes idle connections, could get 503 on a busy machine.
 */
const MAX_IDLE_CONNECTION_MS = 30_000;

/** Creates the connection pool for built requests. */
export function createForwardAgent(url: string): http.Agent {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: MAX_IDLE_CONNECTION_MS };
  return url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
}

/** Returns the number of an agent's open connections, idle ones included. */
export const openConnections = ({ sockets, freeSockets }: Pick<http.Agent, 'sockets' | 'freeSockets'>): number =>
  [...Object.values(sockets), ...Object.values(freeSockets)].reduce((sum, list) => sum + (list?.length ?? 0), 0);

export interface ForwardOptions {
  readonly agent?: http.Agent;
  /** Time that the upstream may send nothing, in ms. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Called with each response's status, or undefined if there was no response. */
  readonly onResponse?: (status: number | undefined) => void;
}

/**
 * Creates the forwarder of built requests, over http-proxy-middleware. It rejects with an HttpError: 502 for a response
 * that is not CouchDB's, 503 for none.
 */
export function createForward(url: string, options: ForwardOptions = {}): Forward {
  const { agent = createForwardAgent(url), timeoutMs = MAX_IDLE_MS, onResponse = () => undefined } = options;
  const proxy = createProxyMiddleware<BuiltRequest>({
    // Not a text, which is parsed at each request.
    target: new URL(url),
    agent,
    changeOrigin: true,
    selfHandleResponse: true,
    proxyTimeout: timeoutMs,
    ejectPlugins: true,
    plugins: [settleFromEvents(onResponse)],
  });
  return (request, res) => {
    const { socket } = res.req;
    if (socket.destroyed) return Promise.reject(clientDisconnected());
    const built = new BuiltRequest(request, socket, idHeaders(res));
    const standIn = new StandInResponse(built);
    // The connection is observed: a response that waits for an earlier one on it (pipelining) emits no `close` event.
    onDisconnect(res, standIn);
    const stopWatching = (): void => offDisconnect(res, standIn);
    built.upstreamResponse.then(stopWatching, stopWatching);
    const onFailure = (error: unknown): void => built.settle(Promise.reject(upstreamUnresponsive(error)));
    proxy(built, standIn, onFailure).catch(onFailure);
    return built.upstreamResponse;
  };
}

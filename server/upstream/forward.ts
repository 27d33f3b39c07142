import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyMiddleware, type Plugin } from 'http-proxy-middleware';
import { badGateway, clientDisconnected, serviceUnavailable, type HttpError } from '../http/errors.ts';
import { requestContext } from '../http/request-context.ts';
import { formatTraceparent } from '../http/traceparent.ts';
import { describeFailedResponse, describeMissingResponse } from '../http/upstream-failure.ts';
import type { RunTurn } from '../lib/fair-turns.ts';
import { parseJson } from '../lib/json.ts';
import { closeIdleConnections, createForwardAgent } from './forward-agent.ts';

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
  /** Serialises the request's body and parses the response's. Default: at once. */
  readonly runTurn?: RunTurn | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly body: unknown;
  /** The header `X-Couch-Request-ID`. */
  readonly couchRequestId?: string | undefined;
}

/**
 * Sends a built request upstream, unless the client of the response `res` has disconnected. When it disconnects later, the request is
 * not aborted, because CouchDB would compute the response nevertheless: the promise rejects once the response has arrived.
 */
export type Forward = (request: UpstreamRequest, res: ServerResponse) => Promise<UpstreamResponse>;

/** Far above any response about one document. A larger response is not buffered. In characters. */
const MAX_RESPONSE_CHARS = 64 * 1024 * 1024;

const runAtOnce: RunTurn = (work) => work();

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
 * client's socket, which shows whether the client has disconnected.
 */
class BuiltRequest extends http.IncomingMessage {
  readonly upstreamResponse: Promise<UpstreamResponse>;
  /** True once the upstream's response has started. It may still be cut off. */
  hasResponse = false;
  /** Whether it was sent on an idle connection, which the upstream may have closed at the same moment. */
  isOnReusedConnection = false;
  /** Whether its idle connection was closed before any response. The upstream may or may not have processed it. */
  wasConnectionStale = false;
  readonly runTurn: RunTurn;
  settle: (response: Promise<UpstreamResponse>) => void = () => undefined;

  constructor(
    { method, path, query, authorization, runTurn = runAtOnce }: UpstreamRequest,
    bytes: Buffer | undefined,
    { client, ids }: { readonly client: Socket; readonly ids: IdHeaders },
  ) {
    super(client);
    this.runTurn = runTurn;
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    this.method = method;
    this.url = `/${path.map(encodeURIComponent).join('/')}${search}`;
    this.headers = { accept: 'application/json', 'accept-encoding': 'identity', authorization, ...ids };
    this.complete = true;
    if (bytes !== undefined) {
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
 * Buffers a response. Rejects one that CouchDB never sends to a gate: no JSON, a redirect, 401 or 403. The response to a client that has
 * disconnected is read and discarded.
 */
function readResponse(response: IncomingMessage, { socket, runTurn }: BuiltRequest): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text = socket.destroyed ? '' : text + chunk;
      if (text.length > MAX_RESPONSE_CHARS) response.destroy(new Error('too large'));
    });
    const status = response.statusCode ?? 0;
    const couchRequestId = response.headers['x-couch-request-id'];
    const cutOff = { status, reason: 'cut off' };
    const rejectCutOff = (): void =>
      reject(socket.destroyed ? clientDisconnected() : badGateway("The database's response was cut off.", cutOff));
    response.on('error', rejectCutOff);
    response.on('close', () => {
      if (!response.complete) rejectCutOff();
    });
    response.on('end', () => {
      if (socket.destroyed) {
        reject(clientDisconnected());
        return;
      }
      const parse = (): UpstreamResponse => parseResponse(status, text, couchRequestId);
      resolve(new Promise((settle) => settle(runTurn(parse))));
    });
  });
}

function parseResponse(status: number, text: string, couchRequestId: unknown): UpstreamResponse {
  const body = parseJson(text);
  const failure = describeFailedResponse(status, body, couchRequestId);
  if (status === 401 || status === 403 || (status >= 300 && status < 400))
    throw badGateway(`The database did not accept the gate's own request (status ${status}).`, failure);
  if (status === 429 || status === 503) throw serviceUnavailable('The database is busy.', failure);
  if (body === undefined) throw badGateway(`The database's response was not JSON (status ${status}).`, failure);
  return { status, body, couchRequestId: failure.requestId };
}

/** The error's message names the address of the database, so it is not sent to the client. */
const upstreamUnresponsive = (error: unknown): HttpError =>
  serviceUnavailable('The database does not answer.', describeMissingResponse(error));

const isStale = ({ code }: NodeJS.ErrnoException, { hasResponse, isOnReusedConnection }: BuiltRequest): boolean =>
  isOnReusedConnection && !hasResponse && code === 'ECONNRESET';

/** Settles each request from the proxy's events. Replaces the default plugins, which write responses themselves. */
const settleFromEvents =
  (onResponse: (status: number | undefined) => void): Plugin<BuiltRequest> =>
  (proxy) => {
    proxy.on('proxyReq', (sent, request) => {
      request.isOnReusedConnection = sent.reusedSocket;
      // After its timeout a request ends with the same error.
      sent.once('timeout', () => (request.isOnReusedConnection = false));
    });
    proxy.on('proxyRes', (response, request) => {
      request.hasResponse = true;
      onResponse(response.statusCode);
      request.settle(readResponse(response, request));
    });
    // The upstream reset the connection after the client had disconnected.
    proxy.on('econnreset', (_error, request) => {
      if (!request.hasResponse) onResponse(undefined);
      request.settle(Promise.reject(clientDisconnected()));
    });
    proxy.on('error', (error, proxiedRequest) => {
      const request = proxiedRequest as BuiltRequest;
      request.wasConnectionStale = isStale(error, request);
      if (!request.hasResponse) onResponse(undefined);
      request.settle(Promise.reject(upstreamUnresponsive(error)));
    });
  };

/** In ms. A request that hangs must not hold its connection for long after the upstream has recovered. */
const MAX_IDLE_MS = 10_000;

export interface ForwardOptions {
  readonly agent?: http.Agent;
  /** Time that the upstream may send nothing, in ms. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Called with each response's status, or undefined if there was no response. */
  readonly onResponse?: (status: number | undefined) => void;
}

/**
 * Creates the forwarder of built requests, over http-proxy-middleware. It rejects with an HttpError: 502 for a response
 * that is not CouchDB's, 503 for none. A request whose idle connection turns out to be closed is sent again on a new one: each either
 * reads, stores revisions under their ids, or names the revision that it replaces, so a second one changes nothing.
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
  const send = (request: UpstreamRequest, bytes: Buffer | undefined, res: ServerResponse): BuiltRequest => {
    const { socket } = res.req;
    // The connection is checked: a response that waits for an earlier one on it (pipelining) emits no `close` event.
    if (socket.destroyed) throw clientDisconnected();
    const built = new BuiltRequest(request, bytes, { client: socket, ids: idHeaders(res) });
    const onFailure = (error: unknown): void => built.settle(Promise.reject(upstreamUnresponsive(error)));
    // The proxy may close this response and add listeners to it. The client's may be shared by several upstream requests.
    proxy(built, new http.ServerResponse(built), onFailure).catch(onFailure);
    return built;
  };
  return async (request, res) => {
    const { body, runTurn = runAtOnce } = request;
    const bytes = body === undefined ? undefined : await runTurn(() => Buffer.from(JSON.stringify(body)));
    const built = send(request, bytes, res);
    try {
      return await built.upstreamResponse;
    } catch (error) {
      if (!built.wasConnectionStale) throw error;
      closeIdleConnections(agent);
      return send(request, bytes, res).upstreamResponse;
    }
  };
}

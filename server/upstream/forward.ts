import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { createProxyMiddleware, type Plugin } from 'http-proxy-middleware';
import { badGateway, serviceUnavailable } from '../http/errors.ts';

/** A request that the gate has built. Nothing of it was taken over from a client without being read and checked. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path parts below the upstream's URL, not yet encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  /** Serialised here, so that what was checked is what is sent. */
  readonly body?: unknown;
  /** The `Authorization` header: as whom we ask. */
  readonly authorization: string;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly body: unknown;
}

/** Sends a built request; `res` is the client's answer, whose end before ours also ends the upstream's work. */
export type Forward = (request: UpstreamRequest, res: ServerResponse) => Promise<UpstreamResponse>;

/** No answer about one document comes near this; a larger one is not buffered. In characters. */
const MAX_RESPONSE_CHARS = 64 * 1024 * 1024;

/**
 * What the proxy is given in place of the client's request. It holds the built request alone, so there is nothing of
 * the client's to pass on: no header, cookie, `Connection` nomination, path trick or framing. Of the client's it has
 * only the socket, by which the proxy sees that the client has gone.
 */
class BuiltRequest extends http.IncomingMessage {
  readonly upstreamResponse: Promise<UpstreamResponse>;
  /** Whether the upstream's answer has begun; it may still break off. */
  hasResponse = false;
  settle: (answer: Promise<UpstreamResponse>) => void = () => undefined;

  constructor({ method, path, query, body, authorization }: UpstreamRequest, res: ServerResponse) {
    super(res.socket ?? new Socket());
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    this.method = method;
    this.url = `/${path.map(encodeURIComponent).join('/')}${search}`;
    this.headers = { accept: 'application/json', 'accept-encoding': 'identity', authorization };
    this.complete = true;
    if (body !== undefined) {
      const bytes = Buffer.from(JSON.stringify(body));
      this.headers['content-type'] = 'application/json';
      this.headers['content-length'] = String(bytes.length);
      this.push(bytes);
    }
    this.push(null);
    this.upstreamResponse = new Promise((resolve) => {
      this.settle = (answer) => {
        // An answer that breaks off is told by several events. Only the first counts, but a rejection that nobody
        // handles would end the process.
        answer.catch(() => undefined);
        resolve(answer);
      };
    });
  }

  /** All there is to read was pushed; an IncomingMessage's own would read on from the client's socket. */
  override _read(): void {
    return;
  }

  /** An IncomingMessage's own would close the client's socket. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    callback(error);
  }
}

/**
 * What the proxy is given in place of the client's answer: it may close it and listen to it, and all of that ends with this
 * one request, where the client's own may see many. Of the client's it hears one thing, that it has gone.
 */
function createStandInResponse(built: BuiltRequest, res: ServerResponse): ServerResponse {
  const standIn = new http.ServerResponse(built);
  const onClientClose = (): void => void standIn.emit('close');
  res.once('close', onClientClose);
  const removeListener = (): void => void res.off('close', onClientClose);
  built.upstreamResponse.then(removeListener, removeListener);
  return standIn;
}

/** Collects an answer and holds it against what CouchDB answers: JSON, no redirect, and never a doubt about us. */
function readResponse(response: IncomingMessage): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_RESPONSE_CHARS) response.destroy(new Error('too large'));
    });
    response.on('error', (error) => reject(badGateway(`The database's answer broke off (${error.message}).`)));
    response.on('close', () => {
      if (!response.complete) reject(badGateway("The database's answer broke off."));
    });
    response.on('end', () => {
      const status = response.statusCode ?? 0;
      if (status === 401 || status === 403 || (status >= 300 && status < 400)) {
        reject(badGateway(`The database did not accept the gate's own request (status ${status}).`));
        return;
      }
      if (status === 429 || status === 503) {
        reject(serviceUnavailable('The database is busy.'));
        return;
      }
      try {
        resolve({ status, body: JSON.parse(text) as unknown });
      } catch {
        reject(badGateway(`The database's answer was not JSON (status ${status}).`));
      }
    });
  });
}

/** Joins the proxy's events to the request they are about, in place of its plugins that write answers of their own. */
const settleFromEvents =
  (onResponse: (status: number | undefined) => void): Plugin<BuiltRequest> =>
  (proxy) => {
    proxy.on('proxyRes', (answer, request) => {
      request.hasResponse = true;
      onResponse(answer.statusCode);
      request.settle(readResponse(answer));
    });
    // The client has gone, and its request with it; whoever awaits the answer must still hear of it.
    proxy.on('econnreset', (_error, request) =>
      request.settle(Promise.reject(serviceUnavailable('The client has gone.'))),
    );
    proxy.on('error', (error, asked) => {
      const request = asked as BuiltRequest;
      if (!request.hasResponse) onResponse(undefined);
      request.settle(Promise.reject(serviceUnavailable(`The database does not answer (${error.message}).`)));
    });
  };

/** At most so many users' requests at once; beside the process's own, which are few, they fill what CouchDB is asked. */
const MAX_CONNECTIONS = 8;

/** In ms. What hangs with the upstream must not hold its connection for long once that is back. */
const MAX_IDLE_MS = 10_000;

/** The one pool of connections by which built requests go. */
export function createForwardAgent(url: string): http.Agent {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
  return url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
}

/** How many connections an agent has open. */
export const openConnections = ({ sockets, freeSockets }: Pick<http.Agent, 'sockets' | 'freeSockets'>): number =>
  [...Object.values(sockets), ...Object.values(freeSockets)].reduce((sum, these) => sum + (these?.length ?? 0), 0);

export interface ForwardOptions {
  readonly agent?: http.Agent;
  /** How long the upstream may be silent, in ms. */
  readonly timeoutMs?: number;
  /** Told of each answer's status; undefined: there was none. */
  readonly onResponse?: (status: number | undefined) => void;
}

/** The forwarder of built requests: http-proxy-middleware. Rejects with 502 for an answer not CouchDB's, 503 for none. */
export function createForward(url: string, options: ForwardOptions = {}): Forward {
  const { agent = createForwardAgent(url), timeoutMs = MAX_IDLE_MS, onResponse = () => undefined } = options;
  const proxy = createProxyMiddleware<BuiltRequest>({
    target: url,
    agent,
    changeOrigin: true,
    selfHandleResponse: true,
    proxyTimeout: timeoutMs,
    ejectPlugins: true,
    plugins: [settleFromEvents(onResponse)],
  });
  return (request, res) => {
    const built = new BuiltRequest(request, res);
    if (res.destroyed) return Promise.reject(serviceUnavailable('The client has gone.'));
    void proxy(built, createStandInResponse(built, res), () => undefined);
    return built.upstreamResponse;
  };
}

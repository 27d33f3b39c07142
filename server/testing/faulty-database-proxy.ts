import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { startTestGate, type TestGate, type TestGateOptions } from './test-gate.ts';
import { authorizationOf, type UpstreamAccess } from '../upstream/client.ts';
import { startTestUpstream, type TestNames, type TestUpstream } from './test-database.ts';

/** Responds in the database's place and returns true, or returns false to pass the request on to the database. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** Yields what is passed on of a chunk of the database's response. When it throws, the response is cut off there. */
export type ChunkTransform = (chunk: Buffer, request: IncomingMessage) => AsyncIterable<Buffer>;

/** An HTTP proxy between a gate and its database, for injecting faults. */
export interface FaultyProxy {
  readonly access: UpstreamAccess;
  /** All requests, `METHOD url`, the oldest first. */
  readonly requests: readonly string[];
  /** The fault of requests from now on; undefined for none. */
  fault: Fault | undefined;
  /** The transform of response chunks from now on, within started responses as well; undefined for none. */
  transform: ChunkTransform | undefined;
  /** By how much the clock of the database seems to be ahead in responses from now on, in ms. */
  clockOffsetMs: number;
  /** Closes every connection. */
  dropConnections(): void;
  /** Resets every connection and stops listening, as a killed process does. */
  kill(): Promise<void>;
  /** Listens again on the same port after `kill`. */
  restart(): Promise<void>;
  /** Replaces the databases with those of another upstream, under the names of this one, as its administrator. */
  redirectTo(other: TestUpstream): void;
  close(): Promise<void>;
}

/** Starts a proxy to an upstream on a free loopback port. */
export async function startFaultyProxy(upstream: TestUpstream): Promise<FaultyProxy> {
  const proxy = new DatabaseProxy(upstream);
  await proxy.listen();
  return closeAfterTests(proxy);
}

class DatabaseProxy implements FaultyProxy {
  readonly requests: string[] = [];
  fault: Fault | undefined;
  transform: ChunkTransform | undefined;
  clockOffsetMs = 0;
  readonly #suffix: string;
  readonly #gateAccess: UpstreamAccess;
  readonly #sockets = new Set<Socket>();
  readonly #server = http.createServer((request, response) => void this.#handle(request, response));
  #target: { readonly access: UpstreamAccess; readonly suffix: string };
  #port = 0;

  constructor(upstream: TestUpstream) {
    this.#suffix = upstream.names.suffix;
    this.#gateAccess = upstream.nextAccess();
    this.#target = { access: this.#gateAccess, suffix: this.#suffix };
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get access(): UpstreamAccess {
    return { ...this.#gateAccess, url: `http://127.0.0.1:${this.#port}` };
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  kill(): Promise<void> {
    return this.#close((socket) => socket.resetAndDestroy());
  }

  restart(): Promise<void> {
    return this.listen();
  }

  redirectTo(other: TestUpstream): void {
    this.#target = { access: other.nextAccess(), suffix: other.names.suffix };
  }

  close(): Promise<void> {
    return this.#close((socket) => socket.destroy());
  }

  async #close(endSocket: (socket: Socket) => void): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) endSocket(socket);
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if ((await this.fault?.(request, response)) === true || response.destroyed) return;
    const { access, suffix } = this.#target;
    const headerOverrides = access === this.#gateAccess ? {} : { authorization: authorizationOf(access) };
    const path = (request.url ?? '/').replaceAll(this.#suffix, suffix);
    const upstreamRequest = http.request(new URL(path, access.url), {
      method: request.method ?? 'GET',
      headers: { ...request.headers, ...headerOverrides },
      agent: false,
    });
    upstreamRequest.on('response', (upstreamResponse) => {
      this.#pipeResponse(request, upstreamResponse, response).catch(() => response.destroy());
    });
    upstreamRequest.on('error', () => response.destroy());
    response.on('close', () => upstreamRequest.destroy());
    request.pipe(upstreamRequest);
  }

  #shiftDate({ date, ...headers }: IncomingHttpHeaders): OutgoingHttpHeaders {
    if (date === undefined) return headers;
    return { ...headers, date: new Date(Date.parse(date) + this.clockOffsetMs).toUTCString() };
  }

  /** Rejects when the database's response is cut off. */
  async #pipeResponse(
    request: IncomingMessage,
    upstreamResponse: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.writeHead(upstreamResponse.statusCode ?? 502, this.#shiftDate(upstreamResponse.headers));
    response.flushHeaders();
    for await (const chunk of upstreamResponse as AsyncIterable<Buffer>) {
      if (this.transform === undefined) response.write(chunk);
      else for await (const part of this.transform(chunk, request)) response.write(part);
    }
    response.end();
  }
}

/** Returns a fault that sends one response to each request that `isAffected` selects. */
export const respondWith =
  (status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  (isAffected: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request, response) => {
    if (!isAffected(request)) return false;
    request.resume();
    response.writeHead(status, headers).end(body);
    return true;
  };

/** Faults with responses that CouchDB would not send to a gate, by name. */
export const BAD_RESPONSES = {
  '401': respondWith(401, '{"error":"unauthorized","reason":"Name or password is incorrect."}'),
  '403': respondWith(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}'),
  '500': respondWith(500, '{"error":"internal_server_error","reason":"badmatch"}'),
  '429': respondWith(429, '{"error":"too_many_requests","reason":"later"}'),
  HTML: respondWith(200, '<html><body>Maintenance</body></html>', { 'content-type': 'text/html' }),
  'a redirect': respondWith(302, '', { location: 'http://127.0.0.1:9/login' }),
  'malformed JSON': respondWith(200, '{"results":['),
} as const;

/** Returns a fault that closes the connection instead of responding. */
export const dropConnection =
  (isAffected: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request) => {
    if (!isAffected(request)) return false;
    request.socket.destroy();
    return true;
  };

export interface ProxiedGate {
  readonly gate: TestGate;
  readonly proxy: FaultyProxy;
  readonly upstream: TestUpstream;
  /** The registry with administrator's rights, without the proxy's faults. */
  registry(): ReturnType<TestUpstream['registry']>;
  close(): Promise<void>;
}

export interface ProxiedGateOptions extends Pick<TestGateOptions, 'heartbeat' | 'log' | 'now' | 'streamHeartbeatMs'> {
  readonly names?: TestNames;
  /** Overrides variables of the gate's configuration. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts an upstream, a faulty proxy to it, and a gate that uses the proxy. */
export async function startProxiedGate(options: ProxiedGateOptions = {}): Promise<ProxiedGate> {
  const { names, env, ...gateOptions } = options;
  const upstream = await startTestUpstream(names);
  const proxy = await startFaultyProxy(upstream);
  const gate = await startTestGate(env, { ...gateOptions, upstream, access: proxy.access });
  return {
    gate,
    proxy,
    upstream,
    registry: () => upstream.registry(),
    async close() {
      proxy.fault = undefined;
      proxy.transform = undefined;
      await gate.close();
      await proxy.close();
      await upstream.close();
    },
  };
}

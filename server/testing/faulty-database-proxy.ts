import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { startTestGate, type TestGate, type TestGateOptions } from './test-gate.ts';
import { authorizationOf, type UpstreamAccess } from '../upstream/client.ts';
import { startTestUpstream, type TestNames, type TestUpstream } from './test-database.ts';

/** Answers in the database's place and returns true, or leaves the request to the database. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** How a piece of the database's answer to a request is passed on; when it throws, the answer breaks off there. */
export type ChunkTransform = (chunk: Buffer, request: IncomingMessage) => AsyncIterable<Buffer>;

/** What stands between a gate and its database in tests, and can be made to fail. */
export interface FaultyProxy {
  readonly access: UpstreamAccess;
  /** Every request that came, `METHOD url`, the oldest first. */
  readonly requests: readonly string[];
  /** What is wrong with the database from now on; undefined: nothing. */
  fault: Fault | undefined;
  /** How bytes of answers pass from now on, of those under way too; undefined: as they come. */
  transform: ChunkTransform | undefined;
  /** Breaks every connection. */
  dropConnections(): void;
  /** As a killed process does: every connection is reset, and nobody listens on the port any more. */
  kill(): Promise<void>;
  /** Listens again after `kill`, on the same port. */
  restart(): Promise<void>;
  /** From now on another one's databases stand behind, by this one's names, and its administrator's account is the gate's. */
  redirectTo(other: TestUpstream): void;
  close(): Promise<void>;
}

export async function startFaultyProxy(upstream: TestUpstream): Promise<FaultyProxy> {
  const engine = upstream.nextAccess();
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const current: {
    engine: UpstreamAccess;
    suffix: string;
    fault: Fault | undefined;
    pace: ChunkTransform | undefined;
  } = {
    engine,
    suffix: upstream.names.suffix,
    fault: undefined,
    pace: undefined,
  };

  /** Rejects when the database's answer breaks off. */
  const pipeResponse = async (
    request: IncomingMessage,
    answer: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (current.pace === undefined) response.write(chunk);
      else for await (const part of current.pace(chunk, request)) response.write(part);
    }
    response.end();
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if ((await current.fault?.(request, response)) === true || response.destroyed) return;
    const headerOverrides = current.engine === engine ? {} : { authorization: authorizationOf(current.engine) };
    const path = (request.url ?? '/').replaceAll(upstream.names.suffix, current.suffix);
    const upstreamRequest = http.request(new URL(path, current.engine.url), {
      method: request.method ?? 'GET',
      headers: { ...request.headers, ...headerOverrides },
      agent: false,
    });
    upstreamRequest.on('response', (answer) => {
      pipeResponse(request, answer, response).catch(() => response.destroy());
    });
    upstreamRequest.on('error', () => response.destroy());
    response.on('close', () => upstreamRequest.destroy());
    request.pipe(upstreamRequest);
  };
  const server = http.createServer((request, response) => void handle(request, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.requestTimeout = 0;
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const closeAllWith = async (end: (socket: Socket) => void): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) end(socket);
    await closed;
  };

  return {
    access: { ...engine, url: `http://127.0.0.1:${port}` },
    requests,
    get fault() {
      return current.fault;
    },
    set fault(fault) {
      current.fault = fault;
    },
    get transform() {
      return current.pace;
    },
    set transform(pace) {
      current.pace = pace;
    },
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    kill: () => closeAllWith((socket) => socket.resetAndDestroy()),
    restart: async () => {
      await listen(port);
    },
    redirectTo: (other) => {
      current.engine = other.nextAccess();
      current.suffix = other.names.suffix;
    },
    close: () => closeAllWith((socket) => socket.destroy()),
  };
}

/** A fault of one answer to each request that `concerns` picks. */
export const respondWith =
  (status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  (concerns: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request, response) => {
    if (!concerns(request)) return false;
    request.resume();
    response.writeHead(status, headers).end(body);
    return true;
  };

/** The ways in which an upstream's answer is none, by name. */
export const BAD_RESPONSES = {
  '401': respondWith(401, '{"error":"unauthorized","reason":"Name or password is incorrect."}'),
  '403': respondWith(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}'),
  '500': respondWith(500, '{"error":"internal_server_error","reason":"badmatch"}'),
  '429': respondWith(429, '{"error":"too_many_requests","reason":"later"}'),
  HTML: respondWith(200, '<html><body>Maintenance</body></html>', { 'content-type': 'text/html' }),
  'a redirect': respondWith(302, '', { location: 'http://127.0.0.1:9/login' }),
  'broken JSON': respondWith(200, '{"results":['),
} as const;

/** Breaks the connection instead of answering. */
export const dropConnection =
  (concerns: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request) => {
    if (!concerns(request)) return false;
    request.socket.destroy();
    return true;
  };

export interface ProxiedGate {
  readonly gate: TestGate;
  readonly proxy: FaultyProxy;
  readonly upstream: TestUpstream;
  /** The registry as its administrator sees it, past all faults. */
  registry(): ReturnType<TestUpstream['registry']>;
  close(): Promise<void>;
}

export interface ProxiedGateOptions extends Pick<TestGateOptions, 'heartbeat' | 'streamHeartbeatMs'> {
  readonly names?: TestNames;
}

/** A gate on an upstream of its own, with a front between the two. */
export async function startProxiedGate(options: ProxiedGateOptions = {}): Promise<ProxiedGate> {
  const { names, ...more } = options;
  const upstream = await startTestUpstream(names);
  const proxy = await startFaultyProxy(upstream);
  const gate = await startTestGate({}, { ...more, upstream, access: proxy.access });
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

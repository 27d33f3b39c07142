import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { startForTests, type TestGate, type TestGateOptions } from './test-gate.ts';
import { authorizationOf, type UpstreamAccess } from '../upstream/client.ts';
import { startUpstream, type TestNames, type TestUpstream } from './test-database.ts';

/** Answers in the database's place and returns true, or leaves the request to the database. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** How a piece of the database's answer to a request is passed on; when it throws, the answer breaks off there. */
export type Pace = (chunk: Buffer, request: IncomingMessage) => AsyncIterable<Buffer>;

/** What stands between a gate and its database in tests, and can be made to fail. */
export interface Front {
  readonly access: UpstreamAccess;
  /** Every request that came, `METHOD url`, the oldest first. */
  readonly requests: readonly string[];
  /** What is wrong with the database from now on; undefined: nothing. */
  fault: Fault | undefined;
  /** How bytes of answers pass from now on, of those under way too; undefined: as they come. */
  pace: Pace | undefined;
  /** Breaks every connection. */
  cut(): void;
  /** As a killed process does: every connection is reset, and nobody listens on the port any more. */
  kill(): Promise<void>;
  /** Listens again after `kill`, on the same port. */
  revive(): Promise<void>;
  /** From now on another one's databases stand behind, by this one's names, and its administrator's account is the gate's. */
  moveTo(other: TestUpstream): void;
  close(): Promise<void>;
}

export async function startFront(upstream: TestUpstream): Promise<Front> {
  const engine = upstream.nextAccess();
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const now: { engine: UpstreamAccess; suffix: string; fault: Fault | undefined; pace: Pace | undefined } = {
    engine,
    suffix: upstream.names.suffix,
    fault: undefined,
    pace: undefined,
  };

  /** Rejects when the database's answer breaks off. */
  const passOn = async (request: IncomingMessage, answer: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (now.pace === undefined) response.write(chunk);
      else for await (const part of now.pace(chunk, request)) response.write(part);
    }
    response.end();
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if ((await now.fault?.(request, response)) === true || response.destroyed) return;
    const moved = now.engine === engine ? {} : { authorization: authorizationOf(now.engine) };
    const path = (request.url ?? '/').replaceAll(upstream.names.suffix, now.suffix);
    const onward = http.request(new URL(path, now.engine.url), {
      method: request.method ?? 'GET',
      headers: { ...request.headers, ...moved },
      agent: false,
    });
    onward.on('response', (answer) => {
      passOn(request, answer, response).catch(() => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
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
  const endWith = async (end: (socket: Socket) => void): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) end(socket);
    await closed;
  };

  return {
    access: { ...engine, url: `http://127.0.0.1:${port}` },
    requests,
    get fault() {
      return now.fault;
    },
    set fault(fault) {
      now.fault = fault;
    },
    get pace() {
      return now.pace;
    },
    set pace(pace) {
      now.pace = pace;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    kill: () => endWith((socket) => socket.resetAndDestroy()),
    revive: async () => {
      await listen(port);
    },
    moveTo: (other) => {
      now.engine = other.nextAccess();
      now.suffix = other.names.suffix;
    },
    close: () => endWith((socket) => socket.destroy()),
  };
}

/** A fault of one answer to each request that `concerns` picks. */
export const answering =
  (status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  (concerns: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request, response) => {
    if (!concerns(request)) return false;
    request.resume();
    response.writeHead(status, headers).end(body);
    return true;
  };

/** The ways in which an upstream's answer is none, by name. */
export const BAD_ANSWERS = {
  '401': answering(401, '{"error":"unauthorized","reason":"Name or password is incorrect."}'),
  '403': answering(403, '{"error":"forbidden","reason":"You are not allowed to access this db."}'),
  '500': answering(500, '{"error":"internal_server_error","reason":"badmatch"}'),
  '429': answering(429, '{"error":"too_many_requests","reason":"later"}'),
  HTML: answering(200, '<html><body>Maintenance</body></html>', { 'content-type': 'text/html' }),
  'a redirect': answering(302, '', { location: 'http://127.0.0.1:9/login' }),
  'broken JSON': answering(200, '{"results":['),
} as const;

/** Breaks the connection instead of answering. */
export const breaking =
  (concerns: (request: IncomingMessage) => boolean = () => true): Fault =>
  (request) => {
    if (!concerns(request)) return false;
    request.socket.destroy();
    return true;
  };

export interface FrontedGate {
  readonly gate: TestGate;
  readonly front: Front;
  readonly upstream: TestUpstream;
  /** The registry as its administrator sees it, past all faults. */
  registry(): ReturnType<TestUpstream['registry']>;
  close(): Promise<void>;
}

export interface FrontedGateOptions extends Pick<TestGateOptions, 'heartbeat' | 'streamBeat'> {
  readonly names?: TestNames;
}

/** A gate on an upstream of its own, with a front between the two. */
export async function startFrontedGate(options: FrontedGateOptions = {}): Promise<FrontedGate> {
  const { names, ...more } = options;
  const upstream = await startUpstream(names);
  const front = await startFront(upstream);
  const gate = await startForTests({}, { ...more, upstream, access: front.access });
  return {
    gate,
    front,
    upstream,
    registry: () => upstream.registry(),
    async close() {
      front.fault = undefined;
      front.pace = undefined;
      await gate.close();
      await front.close();
      await upstream.close();
    },
  };
}

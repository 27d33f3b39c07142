import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { startForTests, type TestGate } from '../start-for-tests.ts';
import { connect, type UpstreamAccess } from './couch.ts';
import { startEmbeddedEngine, type EmbeddedEngine } from './embedded.ts';

/** Answers in the database's place and returns true, or leaves the request to the database. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What stands between a gate and its database in tests, and can be made to fail. */
export interface Front {
  readonly access: UpstreamAccess;
  /** Every request that came, `METHOD url`, the oldest first. */
  readonly requests: readonly string[];
  /** What is wrong with the database from now on; undefined: nothing. */
  fault: Fault | undefined;
  /** Breaks every connection. */
  cut(): void;
  close(): Promise<void>;
}

export async function startFront(engine: UpstreamAccess): Promise<Front> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const front: { fault: Fault | undefined } = { fault: undefined };
  const server = http.createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if (front.fault?.(request, response) === true) return;
    const url = new URL(request.url ?? '/', engine.url);
    const onward = http.request(url, { method: request.method ?? 'GET', headers: request.headers, agent: false });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    access: { ...engine, url: `http://127.0.0.1:${port}` },
    requests,
    get fault() {
      return front.fault;
    },
    set fault(fault) {
      front.fault = fault;
    },
    cut,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
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
  readonly engine: EmbeddedEngine;
  /** The registry as its administrator sees it, past all faults. */
  registry(): ReturnType<ReturnType<typeof connect>['use']>;
  close(): Promise<void>;
}

/** A gate on an engine of its own, with a front between the two. */
export async function startFrontedGate(): Promise<FrontedGate> {
  const name = `fronted-${randomBytes(6).toString('hex')}`;
  const engine = await startEmbeddedEngine({ storage: { kind: 'memory', name } });
  const front = await startFront(engine.access);
  const { url, username, password } = front.access;
  const gate = await startForTests({ COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password });
  return {
    gate,
    front,
    engine,
    registry: () => connect(engine.access).use('user_registry'),
    async close() {
      front.fault = undefined;
      await gate.close();
      await front.close();
      await engine.close();
    },
  };
}

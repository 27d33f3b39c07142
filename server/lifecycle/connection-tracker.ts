import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextImmediate } from 'node:timers/promises';
import type { Server, ServerResponse } from 'node:http';
import { destroyAndStopParsing } from './stop-parsing.ts';

/**
 * How long, in ms, a draining server keeps a connection open on which a request may be on its way: a new connection, and one
 * after a response that promised keep-alive.
 */
const REQUEST_GRACE_MS = 500;
/**
 * The maximum number of unanswered requests on a connection. Browsers and proxies send the next request after the response (RFC 9112,
 * 9.3.2), so a client with more is an attacker: its connection is destroyed, and the rest of what it has sent is not parsed.
 */
const MAX_UNANSWERED_REQUESTS = 32;
/** The event loop's iterations in which a draining server still accepts connections. */
const MAX_ACCEPT_ITERATIONS = 100;

/**
 * Tracks the responses in progress on each connection of a server, and drains the connections when the server stops.
 *
 * It replaces `server.close()` and `closeIdleConnections()`. Those consider a connection idle as soon as the end of the
 * response was written, and destroy it, so a slow client receives a truncated response (seen in Node 20.20).
 */
export class ConnectionTracker {
  readonly #server: Server;
  /**
   * The unfinished responses of each open connection: more than one if the client pipelines; undefined before the first
   * request.
   */
  readonly #responsesBySocket = new Map<Socket, Set<ServerResponse> | undefined>();
  /** A single `close` listener serves all responses: live requests are many and long-lived. */
  readonly #onResponseClose: (this: ServerResponse) => void;
  readonly #onPipelining: () => void;
  #activeRequests = 0;
  /** Whether each response is the last one on its connection. */
  #keepAliveEnded = false;
  #draining = false;
  #acceptedCount = 0;

  /**
   * @param server - A server that does not listen yet.
   * @param onPipelining - Called after a connection was destroyed because too many of its requests were unanswered.
   */
  constructor(server: Server, onPipelining: () => void = () => undefined) {
    this.#server = server;
    this.#onPipelining = onPipelining;
    const onClose = (res: ServerResponse): void => this.#onResponseEnd(res);
    this.#onResponseClose = function onResponseClose() {
      onClose(this);
    };
    server.on('connection', (socket) => this.#addConnection(socket));
    server.prependListener('request', ({ socket }, res) => this.#addResponse(socket, res));
  }

  /** The number of requests whose response has not finished. */
  get activeRequests(): number {
    return this.#activeRequests;
  }

  /** The number of open connections. */
  get openConnections(): number {
    return this.#responsesBySocket.size;
  }

  /**
   * Makes each response the last one on its connection (`Connection: close`), unless its headers were already sent. Proxies
   * then keep no idle connections on which they could send a request just as `drain` closes them, which causes a 502.
   */
  endKeepAlive(): void {
    this.#keepAliveEnded = true;
    for (const responses of this.#responsesBySocket.values()) {
      for (const res of responses ?? []) if (!res.headersSent) res.shouldKeepAlive = false;
    }
  }

  /**
   * Stops accepting connections and ends each existing one once it is idle: immediately, or after its last response. That
   * response has `Connection: close` unless its headers were already sent. A request that still arrives on an open
   * connection is answered, as the last one. A new connection has 500 ms for its first request. Resolves when no connection
   * is left.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    this.endKeepAlive();
    for (const [socket, responses] of this.#responsesBySocket) {
      if (responses?.size === 0) socket.destroySoon();
    }
    await this.#acceptPending();
    const drained = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    for (const [socket, responses] of this.#responsesBySocket) {
      if (responses === undefined) this.#destroyUnlessRequested(socket);
    }
    await drained;
    // Node's own `close` clears the server's connection-checking timer.
    this.#server.close(() => undefined);
  }

  /** Destroys every connection. */
  destroyAll(): void {
    this.#server.closeAllConnections();
  }

  /**
   * Waits until the connections are accepted that the system has established. It resets those that are left when the server
   * closes, and a proxy may respond to its client with 502 then.
   */
  async #acceptPending(): Promise<void> {
    // An immediate runs after the event loop has polled for connections, but the first one may belong to an earlier poll.
    await nextImmediate();
    for (let iteration = 0; iteration < MAX_ACCEPT_ITERATIONS; iteration += 1) {
      const before = this.#acceptedCount;
      await nextImmediate();
      if (this.#acceptedCount === before) return;
    }
  }

  #addConnection(socket: Socket): void {
    this.#acceptedCount += 1;
    this.#responsesBySocket.set(socket, undefined);
    socket.once('close', () => {
      this.#activeRequests -= this.#responsesBySocket.get(socket)?.size ?? 0;
      this.#responsesBySocket.delete(socket);
    });
  }

  #addResponse(socket: Socket, res: ServerResponse): void {
    if (!this.#responsesBySocket.has(socket) || socket.destroyed) return;
    const responses = this.#responsesBySocket.get(socket) ?? new Set();
    if (responses.size >= MAX_UNANSWERED_REQUESTS) {
      destroyAndStopParsing(socket, responses);
      this.#onPipelining();
      return;
    }
    this.#responsesBySocket.set(socket, responses.add(res));
    this.#activeRequests += 1;
    if (this.#keepAliveEnded) res.shouldKeepAlive = false;
    res.once('close', this.#onResponseClose);
  }

  #onResponseEnd(res: ServerResponse): void {
    const { socket } = res.req;
    const responses = this.#responsesBySocket.get(socket);
    if (responses?.delete(res) !== true) return;
    this.#activeRequests -= 1;
    if (!this.#draining || responses.size > 0) return;
    if (!res.shouldKeepAlive) {
      // The whole response was handed to the system, so `destroySoon` does not truncate it.
      socket.destroySoon();
      return;
    }
    // The headers were sent before draining began and promised keep-alive, so the next request may be on its way. Closing
    // now would reset it. If it arrives within the grace period, its response has `Connection: close`.
    this.#destroyUnlessRequested(socket);
  }

  /** Closes a connection after the grace period unless a response is in progress then. */
  #destroyUnlessRequested(socket: Socket): void {
    setTimeout(() => {
      const { size = 0 } = this.#responsesBySocket.get(socket) ?? {};
      if (size === 0) socket.destroySoon();
    }, REQUEST_GRACE_MS).unref();
  }
}

/** Starts tracking the connections of `server`. Call it before the server listens. */
export const trackConnections = (server: Server, onPipelining?: () => void): ConnectionTracker =>
  new ConnectionTracker(server, onPipelining);

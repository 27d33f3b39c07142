import { Server as NetServer, type Socket } from 'node:net';
import type { Server, ServerResponse } from 'node:http';

/** In ms: so long a connection stays open after an answer that promised it, when the server ends. */
const KEEP_ALIVE_GRACE_MS = 500;

/** A server's connections, for its end. */
export interface ConnectionTracker {
  /** Requests whose answers are not over. */
  readonly activeRequests: number;
  /** Connections that are open. */
  readonly openConnections: number;
  /**
   * Takes no new connection, and ends each as soon as nothing is under way on it: those that are idle now, the others once
   * their last answer is sent, with `Connection: close` if that can still be said. A request that still comes by one is
   * answered, and the last. Resolves when there is none left.
   */
  drain(): Promise<void>;
  /** Breaks off whatever there is. */
  destroyAll(): void;
}

/**
 * Counts what is under way on each connection of `server`; to be called before it listens.
 *
 * Not by `server.close()` and `closeIdleConnections()`: to those a connection is idle as soon as the answer's end was
 * written, and they destroy it, so that a client that reads slowly gets half an answer (seen in Node 20.20).
 */
export function trackConnections(server: Server): ConnectionTracker {
  /** What is under way on each connection: one answer, or more when a client does not wait for them. */
  const responsesBySocket = new Map<Socket, Set<ServerResponse>>();
  let activeRequests = 0;
  let draining = false;

  server.on('connection', (socket) => {
    responsesBySocket.set(socket, new Set());
    socket.once('close', () => {
      activeRequests -= responsesBySocket.get(socket)?.size ?? 0;
      responsesBySocket.delete(socket);
    });
  });
  // One listener for all: live requests are many, and wait long.
  function onResponseClose(this: ServerResponse): void {
    const { socket } = this.req;
    const here = responsesBySocket.get(socket);
    if (here?.delete(this) !== true) return;
    activeRequests -= 1;
    if (!draining || here.size > 0) return;
    // The answer has been handed to the system, whole; what was sent is not taken back by this.
    if (!this.shouldKeepAlive) socket.destroySoon();
    // Its head was sent before the end was known, and promised that the connection stays: the next request is perhaps on
    // its way, and is told; closed now, it would be reset.
    else
      setTimeout(() => {
        if (here.size === 0) socket.destroySoon();
      }, KEEP_ALIVE_GRACE_MS).unref();
  }
  server.prependListener('request', ({ socket }, res) => {
    const here = responsesBySocket.get(socket);
    if (here === undefined) return;
    here.add(res);
    activeRequests += 1;
    if (draining) res.shouldKeepAlive = false;
    res.once('close', onResponseClose);
  });

  return {
    get openConnections() {
      return responsesBySocket.size;
    },
    get activeRequests() {
      return activeRequests;
    },
    drain: () => {
      draining = true;
      const drained = new Promise<void>((resolve) => {
        NetServer.prototype.close.call(server, () => resolve());
      });
      for (const [socket, here] of responsesBySocket) {
        for (const res of here) if (!res.headersSent) res.shouldKeepAlive = false;
        if (here.size === 0) socket.destroySoon();
      }
      return drained.then(() => {
        // And now Node's own, which lets go of its timer.
        server.close(() => undefined);
      });
    },
    destroyAll: () => server.closeAllConnections(),
  };
}

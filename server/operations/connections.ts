import { Server as NetServer, type Socket } from 'node:net';
import type { Server, ServerResponse } from 'node:http';

/** A server's connections, for its end. */
export interface Connections {
  /** Requests whose answers are not over. */
  readonly underWay: number;
  /** Connections that are open. */
  readonly open: number;
  /**
   * Takes no new connection, and ends each as soon as nothing is under way on it: those that are idle now, the others once
   * their last answer is sent. A request that still comes by one is answered, with `Connection: close`. Resolves when
   * there is none left.
   */
  drain(): Promise<void>;
  /** Breaks off whatever there is. */
  cut(): void;
}

/**
 * Counts what is under way on each connection of `server`; to be called before it listens.
 *
 * Not by `server.close()` and `closeIdleConnections()`: to those a connection is idle as soon as the answer's end was
 * written, and they destroy it, so that a client that reads slowly gets half an answer (seen in Node 20.20).
 */
export function trackConnections(server: Server): Connections {
  const open = new Map<Socket, number>();
  let underWay = 0;
  let draining = false;

  server.on('connection', (socket) => {
    open.set(socket, 0);
    socket.once('close', () => {
      underWay -= open.get(socket) ?? 0;
      open.delete(socket);
    });
  });
  // One listener for all: live requests are many, and wait long.
  function over(this: ServerResponse): void {
    const { socket } = this.req;
    const count = open.get(socket);
    if (count === undefined) return;
    open.set(socket, count - 1);
    underWay -= 1;
    // The answer has been handed to the system, whole; what was sent is not taken back by this.
    if (draining && count === 1) socket.destroySoon();
  }
  server.prependListener('request', ({ socket }, res) => {
    const count = open.get(socket);
    if (count === undefined) return;
    open.set(socket, count + 1);
    underWay += 1;
    if (draining) res.shouldKeepAlive = false;
    res.once('close', over);
  });

  return {
    get underWay() {
      return underWay;
    },
    get open() {
      return open.size;
    },
    drain: () => {
      draining = true;
      const drained = new Promise<void>((resolve) => {
        NetServer.prototype.close.call(server, () => resolve());
      });
      for (const [socket, count] of open) if (count === 0) socket.destroySoon();
      return drained.then(() => {
        // And now Node's own, which lets go of its timer.
        server.close(() => undefined);
      });
    },
    cut: () => server.closeAllConnections(),
  };
}

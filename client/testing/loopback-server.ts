/** HTTP servers on the loopback interface for tests, with any request listener. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';

export interface LoopbackServers {
  /** Starts a server and resolves with its URL. */
  readonly serve: (listener: RequestListener) => Promise<string>;
  /** Closes all servers and their connections. */
  readonly close: () => Promise<void>;
}

export function createLoopbackServers(): LoopbackServers {
  const servers: Server[] = [];
  return {
    serve: async (listener) => {
      const server = createServer(listener).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      const address = server.address();
      return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    },
    close: async () => {
      for (const server of servers.splice(0)) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** A request listener that responds with JSON. */
export const jsonHandler =
  (respond: (req: IncomingMessage) => { readonly status?: number; readonly body: unknown }): RequestListener =>
  (req, res) => {
    const { status = 200, body } = respond(req);
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** A TCP proxy that can stall as a broken network does: without data, FIN or RST. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import net from 'node:net';

export interface SeverableProxy {
  /** The server's URL through the proxy. */
  readonly url: string;
  /** Stops all data in both directions without closing a connection. */
  readonly stall: () => void;
  /** Lets new connections through. Stalled connections stay stalled. */
  readonly acceptNewConnections: () => void;
  /** Resolves at the next connection. */
  readonly waitForConnection: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

export async function startSeverableProxy(serverUrl: string): Promise<SeverableProxy> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<net.Socket>();
  let isStalled = false;
  const track = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = net.createServer((clientSocket) => {
    track(clientSocket);
    if (isStalled) return;
    const serverSocket = track(net.connect(Number(port), hostname));
    clientSocket.pipe(serverSocket).pipe(clientSocket);
    clientSocket.on('close', () => serverSocket.destroy());
    serverSocket.on('close', () => clientSocket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return closeAfterTests({
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    stall: () => {
      isStalled = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    acceptNewConnections: () => {
      isStalled = false;
    },
    waitForConnection: () => once(server, 'connection'),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

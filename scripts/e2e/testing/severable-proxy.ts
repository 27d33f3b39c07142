/** A line to a server that can fall silent without a word, as a network does that lost its way. */
import { once } from 'node:events';
import net from 'node:net';

export interface Line {
  /** The server's address as seen through the line. */
  readonly url: string;
  /** Nothing gets through any more, in either direction, and nobody is told. */
  readonly stall: () => void;
  /** New connections get through again; those that were stalled stay so. */
  readonly clear: () => void;
  readonly close: () => Promise<void>;
}

export async function openLine(serverUrl: string): Promise<Line> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<net.Socket>();
  let isStalled = false;
  const keep = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = net.createServer((near) => {
    keep(near);
    if (isStalled) return;
    const far = keep(net.connect(Number(port), hostname));
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    stall: () => {
      isStalled = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    clear: () => {
      isStalled = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

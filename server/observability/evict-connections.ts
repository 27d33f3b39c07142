import type { Server } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  readonly address: string;
  /** The number of requests in progress. */
  requests: number;
}

/**
 * Limits the connections of a server without refusing new ones: it destroys the oldest one without a request in progress, of the
 * address that has the most. So clients that only connect, or send their headers slowly, do not keep others out.
 *
 * @param server - A server that does not listen yet.
 * @param maxConnections - The limit. A new connection is destroyed only if all others have requests in progress.
 */
export function evictConnections(server: Server, maxConnections: number): void {
  /** In order of age. */
  const connections = new Map<Socket, Connection>();
  server.on('connection', (socket) => {
    connections.set(socket, { address: socket.remoteAddress ?? '', requests: 0 });
    socket.once('close', () => connections.delete(socket));
    if (connections.size <= maxConnections) return;
    const evicted = findEvicted(connections, socket);
    connections.delete(evicted);
    evicted.destroy();
  });
  server.on('request', ({ socket }, res) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    res.once('close', () => (connection.requests -= 1));
  });
}

function findEvicted(connections: ReadonlyMap<Socket, Connection>, newest: Socket): Socket {
  const idle = [...connections].filter(([socket, { requests }]) => requests === 0 && socket !== newest);
  const countOf = (address: string): number => idle.filter(([, other]) => other.address === address).length;
  const most = Math.max(...idle.map(([, { address }]) => countOf(address)));
  return idle.find(([, { address }]) => countOf(address) === most)?.[0] ?? newest;
}

/** A TCP proxy that simulates the faults of a network path, without an event that a client could detect. */
import { once } from 'node:events';
import net from 'node:net';

/**
 * - `refused`: open and new connections are reset.
 * - `vanished packets`: nothing passes during the fault. Afterwards all connections continue.
 * - `lost state`: nothing passes over the open connections any more. New connections work immediately.
 * - `vanished packets, lost state`: nothing passes during the fault. Afterwards only new connections work.
 * - `busy`: every request gets 503 with a Retry-After of 2 seconds.
 * - `bad gateway`: every request gets 502 with a page.
 */
export const PATH_FAULTS = [
  'refused',
  'vanished packets',
  'lost state',
  'vanished packets, lost state',
  'busy',
  'bad gateway',
] as const;
export type PathFault = (typeof PATH_FAULTS)[number];

export interface FaultyPath {
  /** The server's URL over this path. */
  readonly url: string;
  readonly begin: (fault: PathFault) => void;
  readonly end: () => void;
  readonly close: () => Promise<void>;
}

const rawResponse = (status: string, header: string): string =>
  `HTTP/1.1 ${status}\r\n${header}\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`;
const BUSY = rawResponse('503 Service Unavailable', 'Retry-After: 2');
const BAD_GATEWAY = rawResponse('502 Bad Gateway', 'X-Path: faulty');

interface Connection {
  readonly client: net.Socket;
  server?: net.Socket;
}

export async function startFaultyPath(serverUrl: string): Promise<FaultyPath> {
  const { hostname, port } = new URL(serverUrl);
  const connections = new Set<Connection>();
  /** Connections whose packets vanish until the fault ends. */
  const held = new Set<Connection>();
  let fault: PathFault | undefined;

  const connect = (connection: Connection): void => {
    const { client } = connection;
    const server = net.connect(Number(port), hostname);
    connection.server = server;
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(server).pipe(client);
  };
  const hold = (connection: Connection): void => {
    for (const socket of [connection.client, connection.server]) socket?.unpipe().pause();
    held.add(connection);
  };
  const resume = (connection: Connection): void => {
    if (connection.server === undefined) connect(connection);
    else connection.client.pipe(connection.server).pipe(connection.client);
  };

  const listener = net.createServer((client) => {
    const connection: Connection = { client };
    connections.add(connection);
    client
      .on('error', () => client.destroy())
      .on('close', () => {
        connection.server?.destroy();
        connections.delete(connection);
        held.delete(connection);
      });
    if (fault === 'refused') client.resetAndDestroy();
    else if (fault === 'busy' || fault === 'bad gateway') client.end(fault === 'busy' ? BUSY : BAD_GATEWAY);
    else if (fault === 'vanished packets' || fault === 'vanished packets, lost state') held.add(connection);
    else connect(connection);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address() as net.AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    begin: (next) => {
      fault = next;
      if (next.includes('packets') || next === 'lost state') connections.forEach(hold);
      else for (const { client } of connections) client.destroy();
    },
    end: () => {
      if (fault === 'vanished packets') held.forEach(resume);
      fault = undefined;
      held.clear();
    },
    close: async () => {
      for (const { client, server } of connections) {
        client.destroy();
        server?.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

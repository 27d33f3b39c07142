import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A read of users' states, as the database answered it. */
export interface TimedRead {
  readonly ids: number;
  /** From the end of the request until the end of the response. */
  readonly ms: number;
}

/** A proxy between a gate and its database that times the reads of users' states. */
export interface ReadTimer {
  readonly url: string;
  /** The reads since the last call. */
  takeReads(): TimedRead[];
  /** Closes all connections, the feeds' included. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** Starts the proxy in front of the database at `target`. */
export async function startReadTimer(target: string): Promise<ReadTimer> {
  let reads: TimedRead[] = [];
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const server = http.createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const sentAt = performance.now();
      const upstream = http.request(new URL(url, target), { agent, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        // A feed's response starts long before the first byte of its body.
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
        if (!url.includes('filter=_doc_ids')) return;
        const { doc_ids: ids } = JSON.parse(body.toString('utf8')) as { doc_ids: readonly string[] };
        answer.on('end', () => reads.push({ ids: ids.length, ms: performance.now() - sentAt }));
      });
      upstream.on('error', () => response.destroy());
      response.on('close', () => upstream.destroy());
      upstream.end(body);
    });
  });
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takeReads() {
      const taken = reads;
      reads = [];
      return taken;
    },
    dropConnections,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      dropConnections();
      await closed;
      agent.destroy();
    },
  };
}

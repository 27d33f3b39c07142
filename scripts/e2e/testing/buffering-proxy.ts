/** An HTTP proxy that buffers responses, as some corporate proxies, virus scanners and compressing proxies do. */
import { once } from 'node:events';
import http from 'node:http';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';

/** `all`: a response is passed on when it is complete. `rest`: only its first part is passed on at once. */
export type BufferingMode = 'all' | 'rest';

export interface BufferingProxy {
  /** The server's URL through the proxy. */
  readonly url: string;
  /** The paths with queries of all requests, in order. */
  readonly requests: () => readonly string[];
  /** Calls `listener` at every request. Returns a function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
}

export async function startBufferingProxy(serverUrl: string, mode: BufferingMode): Promise<BufferingProxy> {
  const { hostname, port } = new URL(serverUrl);
  const agent = new http.Agent({ keepAlive: true });
  const requests: string[] = [];
  const listeners = new Set<() => void>();
  const server = http.createServer((req, res) => {
    const { method, url: path = '/', headers } = req;
    requests.push(path);
    const upstreamRequest = http.request({ hostname, port, agent, method, path, headers }, (response) => {
      const held: Uint8Array<ArrayBuffer>[] = [];
      let isFirst = true;
      const writeHead = (): unknown => res.headersSent || res.writeHead(response.statusCode ?? 502, response.headers);
      response.on('data', (chunk: Buffer) => {
        if (mode === 'rest' && isFirst) {
          writeHead();
          res.write(chunk);
        } else held.push(Uint8Array.from(chunk));
        isFirst = false;
      });
      response.on('end', () => {
        writeHead();
        res.end(Buffer.concat(held));
      });
      response.on('error', () => res.destroy());
    });
    upstreamRequest.on('error', () => res.destroy());
    res.on('close', () => upstreamRequest.destroy());
    req.pipe(upstreamRequest);
    for (const listener of [...listeners]) listener();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return closeAfterTests({
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    requests: () => requests,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

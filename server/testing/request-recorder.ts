import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import http, { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the database received it. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A proxy between the gate and the database that forwards everything and records the requests. */
export interface Recorder {
  readonly url: string;
  /** In the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

/** Starts a recorder in front of the database at `target`, an `http://host:port`. */
export async function startRecorder(target: string): Promise<Recorder> {
  const { hostname, port } = new URL(target);
  const requests: RecordedRequest[] = [];
  const agent = new http.Agent({ keepAlive: true });
  const server = createServer((req, res) => {
    const chunks: Uint8Array[] = [];
    req.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method = '', url = '', headers } = req;
      requests.push({ method, url, headers, body: body.toString('utf8') });
      const upstreamRequest = http.request({ hostname, port, agent, method, path: url, headers }, (response) => {
        res.writeHead(response.statusCode ?? 502, response.headers);
        // A feed's response starts long before the first byte of its body.
        res.flushHeaders();
        response.pipe(res);
        response.on('error', () => res.destroy());
      });
      upstreamRequest.on('error', () => res.destroy());
      res.on('close', () => upstreamRequest.destroy());
      upstreamRequest.end(body);
    });
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return closeAfterTests({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  });
}

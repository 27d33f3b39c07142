import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { MAX_WAIT_MS } from '../../couchdb-design/testing/patience.ts';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { UpstreamAccess } from '../upstream/client.ts';

/** An HTTP server in the database's place, with a handler defined by the test. */
export interface FakeUpstream {
  readonly access: UpstreamAccess;
  readonly requests: readonly { readonly method: string; readonly url: string; readonly body: string }[];
  /** Resolves with the number of open connections. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export type FakeUpstreamHandler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Starts the server on a free loopback port. The handler is called once the request's body has been read. */
export async function startFakeUpstream(handler: FakeUpstreamHandler): Promise<FakeUpstream> {
  const requests: { method: string; url: string; body: string }[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', body });
      handler(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return closeAfterTests({
    access: { url: `http://127.0.0.1:${port}`, username: 'admin', password: 'pw' },
    requests,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  });
}

/** Runs the garbage collector, in three rounds, because a finalizer may release further objects. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves once the condition holds. Rejects after `timeoutMs`. Checks every 10 ms. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = MAX_WAIT_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await delay(10);
  }
}

import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { UpstreamAccess } from '../upstream/client.ts';

/** A small server in the database's place, which answers as a test wants. */
export interface FakeUpstream {
  readonly access: UpstreamAccess;
  readonly requests: readonly { readonly method: string; readonly url: string; readonly body: string }[];
  /** How many connections are open. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export type FakeUpstreamHandler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

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
  return {
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
  };
}

/** Lets go of whatever nobody holds, as happens at any time: in rounds, since what a finalizer lets go of the next one finds. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves as soon as `holds`, and rejects after `most` ms without it. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await delay(10);
  }
}

import net from 'node:net';
import { HttpResponseParser } from './http-response-parser.ts';
import type { Endpoint } from './live-client.ts';

export interface RefusedRequestsOptions {
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Requests of all connections. */
  readonly count: number;
}

/**
 * Sends requests on keep-alive connections, each after the response to the one before. Resolves with the last response.
 *
 * @throws Error if a response is not 503, or a connection ends.
 */
export async function sendRefusedRequests({ endpoint, connections, count }: RefusedRequestsOptions): Promise<void> {
  const { host, port, path } = endpoint;
  const request = `GET ${path}/_changes?feed=longpoll&since=1 HTTP/1.1\r\nHost: ${host}:${port}\r\nAccept: application/json\r\n\r\n`;
  let left = count;
  const runConnection = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, noDelay: true });
      const sendNext = (): void => {
        if (left > 0) {
          left -= 1;
          socket.write(request, 'latin1');
          return;
        }
        resolve();
        socket.destroy();
      };
      const parser = new HttpResponseParser({
        onHead: (status) => {
          if (status !== 503) socket.destroy(new Error(`A refusal had status ${status}.`));
        },
        onBody: () => undefined,
        onEnd: sendNext,
      });
      socket.setEncoding('latin1');
      socket.once('connect', sendNext);
      socket.on('data', (text: string) => parser.push(text));
      socket.once('error', reject);
      // It has no effect after `resolve`.
      socket.once('close', () => reject(new Error('The server closed a connection.')));
    });
  await Promise.all(Array.from({ length: connections }, runConnection));
}

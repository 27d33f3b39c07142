import http from 'node:http';
import { authorizationOf, type UpstreamAccess } from '../../../server/upstream/client.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the database as its administrator, past every front. */
export type Admin = (method: string, path: string, body?: unknown) => Promise<AdminAnswer>;

/** Longer than a starved database takes, shorter than a benchmark's patience. In ms. */
const TIMEOUT = 30_000;

/** Rejects when there is no answer, or none within half a minute. */
export function createAdmin(access: UpstreamAccess): Admin {
  const { hostname, port, pathname } = new URL(access.url);
  // Without a bound: a request that waits for a place here would look like a slow database.
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const headers = { authorization: authorizationOf(access), accept: 'application/json' };
  const base = pathname.replace(/\/+$/, '');
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const framed =
        text === undefined
          ? headers
          : { ...headers, 'content-type': 'application/json', 'content-length': text.length };
      const request = http.request(
        { agent, hostname, port, method, path: base + path, headers: framed },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (answer += chunk));
          response.once('error', reject);
          response.once('end', () => {
            clearTimeout(late);
            resolve({ status: response.statusCode ?? 0, body: parsed(answer) });
          });
        },
      );
      const late = setTimeout(() => request.destroy(new Error(`No answer within ${TIMEOUT} ms.`)), TIMEOUT);
      request.once('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
      request.end(text);
    });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

import http from 'node:http';
import { authorizationOf, type UpstreamAccess } from '../../../server/upstream/client.ts';

export interface AdminResponse {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the database as its administrator, past every front. */
export type AdminClient = (method: string, path: string, body?: unknown) => Promise<AdminResponse>;

/** Longer than a starved database takes, shorter than a benchmark's patience. In ms. */
const TIMEOUT_MS = 30_000;

/** Rejects when there is no answer, or none within half a minute. */
export function createAdminClient(access: UpstreamAccess): AdminClient {
  const { hostname, port, pathname } = new URL(access.url);
  // Without a bound: a request that waits for a place here would look like a slow database.
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const headers = { authorization: authorizationOf(access), accept: 'application/json' };
  const base = pathname.replace(/\/+$/, '');
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const requestHeaders =
        text === undefined
          ? headers
          : { ...headers, 'content-type': 'application/json', 'content-length': text.length };
      const request = http.request(
        { agent, hostname, port, method, path: base + path, headers: requestHeaders },
        (response) => {
          let responseText = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (responseText += chunk));
          response.once('error', reject);
          response.once('end', () => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, body: parseJson(responseText) });
          });
        },
      );
      const timer = setTimeout(() => request.destroy(new Error(`No answer within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
      request.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      request.end(text);
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

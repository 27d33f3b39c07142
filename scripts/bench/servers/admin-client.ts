import http from 'node:http';
import { authorizationOf, type UpstreamAccess } from '../../../server/upstream/client.ts';

export interface AdminResponse {
  readonly status: number;
  readonly body: unknown;
}

/** Sends a request to the database as its administrator, bypassing the fronts. */
export type AdminClient = (method: string, path: string, body?: unknown) => Promise<AdminResponse>;

/** Longer than an overloaded database takes to respond. */
const TIMEOUT_MS = 30_000;

/** Creates a client whose requests reject on a connection error, or without a response within 30 seconds. */
export function createAdminClient(access: UpstreamAccess): AdminClient {
  const { hostname, port, pathname } = new URL(access.url);
  // Unlimited: a request queued in the agent would look like a slow database.
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
      const timer = setTimeout(() => request.destroy(new Error(`No response within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
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

import nano from 'nano';
import { Agent } from 'undici';

/** Where the upstream is and as whom we speak to it. The URL carries no credentials; it may carry a path prefix. */
export interface UpstreamAccess {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Longer than the slowest single read or write that we make, shorter than a person's patience. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Requests beyond this wait for a place: an upstream that is slow is not helped by more of them. */
const MOST_CONNECTIONS = 8;

/**
 * A nano client for the upstream with the credentials in the Authorization header, so that they are in no URL that an
 * error or a log may show (nano writes `XXXXXXX` over that header in the errors it throws).
 *
 * What callers see:
 * - CouchDB said no (status 400 and above): an `Error` with `statusCode`, `error`, `reason` (see `statusOf`);
 * - no answer (refused, reset, redirect, no byte for `timeoutMs`): an `Error` without `statusCode`;
 * - a 2xx that is no JSON: nano resolves with `''` or a Buffer, so what matters is to be parsed by the caller.
 *
 * `timeoutMs` bounds every silence on the wire, not the whole request: a feed with heartbeats goes on for ever.
 */
export function connect(access: UpstreamAccess, timeoutMs: number = REQUEST_TIMEOUT_MS): nano.ServerScope {
  // nano has no timeout of its own, and fetch's is five minutes. Its types ask for the class where it takes an instance.
  const pool = new Agent({ connections: MOST_CONNECTIONS, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  const settings = {
    url: access.url,
    headers: { Authorization: authorizationOf(access) },
    // Or else nano takes a path prefix for a database and returns that instead of the server.
    parseUrl: false,
  };
  const configuration: nano.Configuration = settings;
  return nano(Object.assign(configuration, { agentOptions: pool }));
}

/** The value of the Authorization header (RFC 7617, UTF-8). */
export function authorizationOf({ username, password }: Omit<UpstreamAccess, 'url'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** The HTTP status that the upstream answered with, when `error` is such an answer. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

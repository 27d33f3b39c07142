/** The connections over which built requests are sent. */
import http from 'node:http';
import https from 'node:https';

/** Limit of concurrent user requests. The process's own requests use a separate, smaller pool. */
export const MAX_CONNECTIONS = 8;

/**
 * How long a connection may be idle, in ms. A request on a connection that the upstream is about to close fails with
 * ECONNRESET. Node's agent applies the upstream's `Keep-Alive: timeout` only if it has its own timeout (Node 20.20). Without it, that
 * happens on a busy machine to an edit five seconds after the previous one, when the engine closes idle connections.
 */
const MAX_IDLE_CONNECTION_MS = 30_000;

/** Creates the connection pool for built requests. */
export function createForwardAgent(url: string): http.Agent {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: MAX_IDLE_CONNECTION_MS };
  return url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
}

/** Closes idle connections, so that the next request opens one. */
export function closeIdleConnections({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flatMap((sockets) => sockets ?? [])) socket.destroy();
}

/** Returns the number of an agent's open connections, idle ones included. */
export const openConnections = ({ sockets, freeSockets }: Pick<http.Agent, 'sockets' | 'freeSockets'>): number =>
  [...Object.values(sockets), ...Object.values(freeSockets)].reduce((sum, list) => sum + (list?.length ?? 0), 0);

import { randomInt } from 'node:crypto';
import getPort from 'get-port';

/**
 * Returns a free port below 32768, where the range begins that Linux uses for the client end of connections. A client that
 * keeps reconnecting to a port of that range can be given the same port for its own end: it then connects to itself, and
 * the restarted server finds its port in use.
 */
export const findFreePort = (): Promise<number> =>
  getPort({ host: '127.0.0.1', port: Array.from({ length: 100 }, () => randomInt(20_000, 32_768)) });

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

/**
 * A port that is free, and below those that Linux gives to connections (32768 on). A client that tries again and again to
 * reach a port among those is given that very port for its own end in time, and then speaks with itself, and the server
 * that was restarted finds its port taken.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_768);
    const server = net.createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    const closed = once(server, 'close');
    server.close();
    await closed;
    return port;
  }
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import type { MountedPouchgate } from '../index.ts';

/** An application that serves a mounted Pouchgate. */
export interface MountedServer {
  readonly origin: string;
  /** Closes Pouchgate and the server. */
  close(): Promise<void>;
}

/** Serves an application on a free port. */
export async function serveMounted(
  app: Express,
  pouchgate: Pick<MountedPouchgate<object>, 'close'>,
): Promise<MountedServer> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return closeAfterTests({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await pouchgate.close();
      server.closeAllConnections();
      server.close();
    },
  });
}

// The gate of either version.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createPouchgate, type OwnPreferences, type PouchgateOptions } from 'pouchgate';
import type { z } from 'zod';

/** Starts the server. `couchdb` is printed by `pouchgate setup`: { url, username, password, jwtSecret }. */
export async function start<S extends z.ZodObject>(
  couchdb: PouchgateOptions['couchdb'],
  preferences: OwnPreferences<S>,
  port = 0,
) {
  // Replace this by your sessions: the user of each, and when it expires.
  const sessions = new Map([['session-1', { username: 'alice', expiresAt: Date.now() + 3_600_000 }]]);

  const pouchgate = await createPouchgate({
    couchdb,
    authenticate: (req) => sessions.get((req.headers.authorization ?? '').replace(/^Bearer /, '')),
    preferences,
  });
  const app = express();
  app.use(pouchgate.router);
  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pouchgate,
    close: async () => {
      // Ends live requests, which would keep the server open.
      await pouchgate.close();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

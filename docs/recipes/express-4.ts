// Pouchgate in an Express 4 application. For Express 5 see existing-express-app.mjs.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express4'; // in your project: 'express'
import { createPouchgate, type PouchgateOptions } from 'pouchgate';

/** Starts the server. `couchdb` is printed by `pouchgate setup`: { url, username, password, jwtSecret }. */
export async function start(couchdb: PouchgateOptions['couchdb'], port = 0) {
  // Replace this by your sessions: the user of each, and when it expires.
  const sessions = new Map([['session-1', { username: 'alice', expiresAt: Date.now() + 3_600_000 }]]);
  const sessionIdOf = (authorization = ''): string => authorization.replace(/^Bearer /, '');

  const pouchgate = await createPouchgate({
    couchdb,
    base: '/prefs',
    authenticate: (req) => sessions.get(sessionIdOf(req.get('authorization'))),
  });

  const app = express();
  // The listener compares the whole path, so it is used without a mount path. Use it before any body parser.
  app.use(pouchgate.listener);
  app.use(express.json());
  app.get('/', (_req, res) => res.send('Your application'));
  app.post('/sign-out', (req, res) => {
    const sessionId = sessionIdOf(req.get('authorization'));
    const session = sessions.get(sessionId);
    sessions.delete(sessionId);
    if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
    res.sendStatus(204);
  });
  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      // Ends live requests, which would keep the server open.
      await pouchgate.close();
      server.close();
      server.closeIdleConnections();
      await once(server, 'close');
    },
  };
}

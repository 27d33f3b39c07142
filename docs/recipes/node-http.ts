// Pouchgate in a server of plain node:http.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPouchgate, type PouchgateOptions } from 'pouchgate';

/** Starts the server. `couchdb` is printed by `pouchgate setup`: { url, username, password, jwtSecret }. */
export async function start(couchdb: PouchgateOptions['couchdb'], port = 0) {
  // Replace this by your sessions: the user of each, and when it expires.
  const sessions = new Map([['session-1', { username: 'alice', expiresAt: Date.now() + 3_600_000 }]]);
  const sessionIdOf = (authorization = ''): string => authorization.replace(/^Bearer /, '');

  const pouchgate = await createPouchgate({
    couchdb,
    base: '/prefs',
    authenticate: (req) => sessions.get(sessionIdOf(req.headers.authorization)),
  });

  const server = createServer((req, res) => {
    // Pouchgate serves /prefs/sync and /prefs/api/users. It passes every other request to the function.
    pouchgate.listener(req, res, () => {
      if (req.method === 'POST' && req.url === '/sign-out') {
        const sessionId = sessionIdOf(req.headers.authorization);
        const session = sessions.get(sessionId);
        sessions.delete(sessionId);
        if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
        res.writeHead(204).end();
        return;
      }
      res.end('Your application');
    });
  });
  server.listen(port, '127.0.0.1');
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

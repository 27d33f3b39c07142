// Pouchgate in a Hono application on Node.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
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

  const app = new Hono<{ Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } }>();
  // Before any middleware that reads the body, such as a validator.
  app.all('/prefs/*', (c) => {
    pouchgate.listener(c.env.incoming, c.env.outgoing);
    return RESPONSE_ALREADY_SENT; // Hono leaves the response to Pouchgate
  });
  app.get('/', (c) => c.text('Your application'));
  app.post('/sign-out', (c) => {
    const sessionId = sessionIdOf(c.req.header('authorization'));
    const session = sessions.get(sessionId);
    sessions.delete(sessionId);
    if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
    return c.body(null, 204);
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      // Ends live requests, which would keep the server open.
      await pouchgate.close();
      server.close();
      if ('closeIdleConnections' in server) server.closeIdleConnections();
      await once(server, 'close');
    },
  };
}

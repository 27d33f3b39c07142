// Pouchgate in a Fastify application, without an adapter for Express.
import Fastify from 'fastify';
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

  const app = Fastify();
  // In a hook that runs before Fastify reads the body. In a route's handler the body would be gone.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.url.startsWith('/prefs/')) {
      done();
      return;
    }
    reply.hijack(); // Fastify leaves the response to Pouchgate
    pouchgate.listener(request.raw, reply.raw);
  });
  // Ends live requests, which would keep Fastify open.
  app.addHook('preClose', () => pouchgate.close());

  app.get('/', () => 'Your application');
  app.post('/sign-out', (request, reply) => {
    const sessionId = sessionIdOf(request.headers.authorization);
    const session = sessions.get(sessionId);
    sessions.delete(sessionId);
    if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
    reply.code(204).send();
  });

  return { origin: await app.listen({ host: '127.0.0.1', port }), close: () => app.close() };
}

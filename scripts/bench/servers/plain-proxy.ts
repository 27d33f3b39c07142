import http from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import jwt from 'jsonwebtoken';

/**
 * What the gate is held against: a rewriting proxy as a competent person writes it in an afternoon. It knows the caller by
 * their token, makes every `_changes` one of the caller's own document, and passes everything on as it comes, one upstream
 * request for each of a client's.
 */
const { TARGET = '', AUTHORIZATION = '', JWT_SECRET = '', REGISTRY_DB = '' } = process.env;

const ownIds = new WeakMap<http.IncomingMessage, string>();

const app = express();
app.disable('x-powered-by');
app.use((req, res, next) => {
  try {
    const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    const claims = jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] });
    if (typeof claims === 'string' || claims.sub === undefined) throw new Error('The token names nobody.');
    ownIds.set(req, `user_${claims.sub}`);
    // With the ids in the body it is a POST to the database, whatever the client sent.
    req.method = 'POST';
    next();
  } catch {
    res.status(401).json({ error: 'unauthorized', reason: 'The token is not valid.' });
  }
});
app.use(
  `/${REGISTRY_DB}/_changes`,
  createProxyMiddleware({
    target: TARGET,
    changeOrigin: true,
    agent: new http.Agent({ keepAlive: true }),
    pathRewrite: (_path, req) => {
      const query = new URL(req.url ?? '', TARGET).searchParams;
      query.set('filter', '_doc_ids');
      return `/${REGISTRY_DB}/_changes?${query.toString()}`;
    },
    on: {
      proxyReq: (upstream, req) => {
        const body = JSON.stringify({ doc_ids: [ownIds.get(req)] });
        upstream.setHeader('Authorization', AUTHORIZATION);
        upstream.setHeader('Content-Type', 'application/json');
        upstream.setHeader('Content-Length', Buffer.byteLength(body));
        upstream.write(body);
      },
    },
  }),
);

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.(server.address());
});
process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);

import http from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import jwt from 'jsonwebtoken';

/**
 * The baseline: a rewriting proxy as a competent developer writes it in an afternoon. It identifies the caller by
 * token, restricts every `_changes` request to the caller's own document, and forwards it. Each client request becomes
 * one upstream request.
 */
const { TARGET = '', AUTHORIZATION = '', JWT_SECRET = '', REGISTRY_DB = '' } = process.env;

const ownIds = new WeakMap<http.IncomingMessage, string>();

const app = express();
app.disable('x-powered-by');
app.use((req, res, next) => {
  try {
    const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    const claims = jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] });
    if (typeof claims === 'string' || claims.sub === undefined) throw new Error('The token has no subject.');
    ownIds.set(req, `user_${claims.sub}`);
    // The document ids are sent in the body, so the upstream request is a POST whatever the client sent.
    req.method = 'POST';
    next();
  } catch {
    res.status(401).json({ error: 'unauthorized', reason: 'The token is not valid.' });
  }
});
app.use(
  `/${REGISTRY_DB}/_changes`,
  // The client's body is read and dropped. Otherwise it is forwarded after the proxy's own, as the start of another request.
  express.raw({ type: () => true }),
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

import http from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

/** A proxy with http-proxy-middleware alone. It measures the cost of a request that is only forwarded. */
const { TARGET = '', AUTHORIZATION = '' } = process.env;

const app = express();
app.disable('x-powered-by');
app.use(
  createProxyMiddleware({
    target: TARGET,
    changeOrigin: true,
    agent: new http.Agent({ keepAlive: true }),
    headers: { authorization: AUTHORIZATION },
  }),
);

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.(server.address());
});
process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);

import http from 'node:http';

/**
 * The baseline of the reconnect storm: a server of `node:http` alone that parks live requests without a database, tokens or checks.
 * It shows what connections and requests cost in Node.
 */
const { PORT = '0', REGISTRY_DB = '' } = process.env;

const sendJson = (
  res: http.ServerResponse,
  status: number,
  body: string,
  headers: http.OutgoingHttpHeaders = {},
): void => {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers });
  res.end(body);
};

const server = http.createServer((req, res) => {
  const url = req.url ?? '';
  if (!url.startsWith(`/${REGISTRY_DB}/_changes?`)) {
    sendJson(res, 200, '{"status":"ok"}\n');
  } else if (url.includes('since=0')) {
    sendJson(res, 200, '{"results":[],"last_seq":"1"}\n');
  } else {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.write('{"results":[\n');
  }
});
server.keepAliveTimeout = 65_000;
// As the gate does: the default of 511 overflows during the storm.
server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 65_535 }, () => {
  process.send?.(server.address());
});
process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);

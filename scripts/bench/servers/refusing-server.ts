import http from 'node:http';
import { PreparedRefusals } from '../../../server/http/prepared-refusal.ts';
import { AdmissionPace } from '../../../server/lifecycle/admission-pace.ts';
import { AdmissionQueue } from '../../../server/lifecycle/admission-queue.ts';
import { trackConnections } from '../../../server/lifecycle/connection-tracker.ts';

/**
 * Refuses every request, to measure what that costs: with `FRONT=gate` by the gate's admission queue, which never starts one and
 * refuses each in the next event loop iteration, otherwise by `node:http` alone with the same response.
 */
const BODY = '{"error":"service_unavailable","reason":"The server is busy."}\n';

const server = http.createServer();
if (process.env['FRONT'] === 'gate') {
  const connections = trackConnections(server);
  const admission = new AdmissionQueue({
    handler: () => undefined,
    keyOf: () => 'address 127.0.0.1',
    refusals: new PreparedRefusals({ corsOrigins: [] }),
    openConnections: () => connections.openConnections,
    maxConnections: Number.POSITIVE_INFINITY,
    maxWaitMs: 0,
    pace: new AdmissionPace(0),
  });
  server.on('connection', (socket) => admission.onConnection(socket));
  server.on('request', admission.listener);
} else {
  server.on('request', (_req, res) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': BODY.length, 'Retry-After': '5' };
    res.writeHead(503, headers).end(BODY);
  });
}
server.listen({ port: 0, host: '127.0.0.1' }, () => {
  process.send?.(server.address());
});
process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);

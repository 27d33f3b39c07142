import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { startTestEngine } from '../testing/embedded-engine.ts';
import { startFakeUpstream } from '../testing/fake-couchdb.ts';
import { connect } from './client.ts';
import { waitForDatabase } from './connect.ts';
import { startEmbeddedEngine } from './embedded/engine.ts';

const SHORT = { minTimeout: 1, maxTimeout: 1 };

test('waits for an upstream that is still starting, for a limited time', async () => {
  const portHolder = createServer().listen(0, '127.0.0.1');
  await once(portHolder, 'listening');
  const { port } = portHolder.address() as AddressInfo;
  portHolder.close();
  await once(portHolder, 'close');
  const storage = { kind: 'memory', name: 'late' } as const;
  const first = await startEmbeddedEngine({ storage, port });
  const couch = connect(first.access);
  await first.close();
  // Nothing listens on the port now.
  await expect(waitForDatabase(couch, { retries: 2, ...SHORT })).rejects.toThrow(/^CouchDB does not respond\. /);

  // Responds with 503 twice, then with a session.
  let requestCount = 0;
  const late = createServer((_, response) => {
    requestCount += 1;
    response.writeHead(requestCount < 3 ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ userCtx: { name: 'x', roles: [] } }));
  }).listen(port, '127.0.0.1');
  await once(late, 'listening');
  await expect(waitForDatabase(couch, { retries: 4, ...SHORT })).resolves.toEqual({ name: 'x', roles: [] });
  expect(requestCount).toBe(3);
  late.closeAllConnections();
  late.close();
  await once(late, 'close');
});

test('reports wrong credentials', async () => {
  const { engine } = await startTestEngine();
  const couch = connect({ ...engine.access, password: 'wrong' });
  await expect(waitForDatabase(couch)).rejects.toThrow(
    'CouchDB rejects the configured user name or password (COUCHDB_USER, COUCHDB_PASSWORD).',
  );
  await engine.close();
});

test('reports a locked account, as CouchDB does after wrong passwords', async () => {
  const reason = 'Account is temporarily locked due to multiple authentication failures';
  const upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'forbidden', reason }));
  });
  await expect(waitForDatabase(connect(upstream.access))).rejects.toThrow(
    `CouchDB has locked the account for now (${reason}). Wait some minutes`,
  );
  await upstream.close();
});

test.each([
  [404, { error: 'not_found' }, 'CouchDB responds to GET /_session with status 404.'],
  [200, { hello: 'world' }, 'The server at COUCHDB_URL does not respond as CouchDB does.'],
])('does not retry a status of %i that is not CouchDB’s', async (status, body, message) => {
  const upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await expect(waitForDatabase(connect(upstream.access))).rejects.toThrow(message);
  expect(upstream.requests).toHaveLength(1);
  await upstream.close();
});

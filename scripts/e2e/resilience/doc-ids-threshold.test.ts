import type { IncomingMessage } from 'node:http';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { respondWith, startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { startLiveClient, type LiveClient } from '../../../server/testing/live-client.ts';
import { startRecorder, type Recorder } from '../../../server/testing/request-recorder.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/**
 * CouchDB reads the whole database for a `_changes` with more ids than its threshold. So no read may have more, also when
 * every user's state is read at once.
 */

const CLIENT_COUNT = 300;

let upstream: TestUpstream;
let proxy: FaultyProxy;
let recorder: Recorder;
let gate: TestGate;
let clients: LiveClient[] = [];

const isVersionRequest = ({ method, url }: IncomingMessage): boolean => method === 'GET' && url === '/';

async function startGate(version: string, env: Record<string, string>): Promise<void> {
  upstream = await startTestUpstream();
  proxy = await startFaultyProxy(upstream);
  proxy.fault = respondWith(200, JSON.stringify({ couchdb: 'Welcome', version }))(isVersionRequest);
  recorder = await startRecorder(proxy.access.url);
  gate = await startTestGate(env, { upstream, access: { ...proxy.access, url: recorder.url } });
}
afterEach(async () => {
  for (const client of clients) client.close();
  await gate.close();
  await recorder.close();
  await proxy.close();
  await upstream.close();
});

const batchSizes = (): number[] =>
  recorder.requests
    .filter(({ url }) => url.includes('filter=_doc_ids'))
    .map(({ body }) => (JSON.parse(body) as { doc_ids: string[] }).doc_ids.length);

it.each([
  ['3.3.3', {}, 100],
  ['an unknown version', {}, 100],
  ['3.4.3', { COUCHDB_DOC_IDS_THRESHOLD: '10' }, 10],
] as const)('with CouchDB %s and %j, no read has more than %s ids', async (version, env, maxIds) => {
  await startGate(version, env);
  const { hub } = gate.pouchgate;
  await eventually(() => hub.connected);
  clients = Array.from({ length: CLIENT_COUNT }, (_, n) => {
    const username = `reader${n}`;
    return startLiveClient({
      database: gate.database,
      token: gate.token(username),
      username,
      feed: 'longpoll',
    });
  });
  await eventually(
    () => hub.size === CLIENT_COUNT && clients.every(({ leaves, parked }) => parked && leaves.length > 0),
  );
  const before = batchSizes().length;
  // The gate then reads the state of every waiting user.
  proxy.dropConnections();
  await eventually(() => !hub.connected);
  await eventually(() => hub.connected);
  const idsRead = (): number =>
    batchSizes()
      .slice(before)
      .reduce((sum, size) => sum + size, 0);
  await eventually(() => idsRead() >= CLIENT_COUNT);
  expect(Math.max(...batchSizes())).toBeLessThanOrEqual(maxIds);
});

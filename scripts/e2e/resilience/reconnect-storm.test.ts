import { startLiveClient, sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { startProxiedGate, type ProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** All clients at once: the gate is restarted under them, or the upstream is. */

const CLIENT_COUNT = 400;
const USERNAMES = Array.from({ length: CLIENT_COUNT }, (_, n) => `storm${n}`);
/** What all of them coming back may cost the upstream. */
const MAX_REQUESTS = CLIENT_COUNT / 50;
/** Batches grow from one read to hundreds, once for rights and once for leaves; of a crowd of thousands it is a small part. */
const REQUESTS_BEFORE_BATCHING = 60;
const idOf = (username: string): string => `user_${username}`;

let proxied: ProxiedGate;
const clients: LiveClient[] = [];
const revisions = new Map<string, string>();

const documentOf = (username: string, theme: string): object => ({
  _id: idOf(username),
  type: 'user_preferences',
  version: 1,
  username,
  preferences: { theme },
  edits: {},
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
});

/** New revisions of these users' documents, straight into the database. */
async function writeDocuments(names: readonly string[], theme: string): Promise<void> {
  const docs = names.map((name) => {
    const rev = revisions.get(name);
    return { ...documentOf(name, theme), ...(rev === undefined ? {} : { _rev: rev }) };
  });
  const rows = await proxied.registry().bulk({ docs });
  rows.forEach(({ rev }, n) => revisions.set(names[n] ?? '', rev ?? 'refused'));
}

const everyEighth = (nth: number): string[] => USERNAMES.filter((_, n) => n % 8 === nth);
const countRequests = (): number => proxied.proxy.requests.length;

/** Each client waits, and was told its own document's last revision, and nothing else. */
async function waitForConvergence(): Promise<void> {
  const parked = ({ parked: waits, leaves, username, ids }: LiveClient): boolean =>
    waits && leaves.join() === revisions.get(username) && [...ids].join() === idOf(username);
  await eventually(() => proxied.gate.pouchgate.hub.size === CLIENT_COUNT && clients.every(parked), 20_000);
}

/** Upstream requests of a start without clients, and what came on top of them when all came back. */
let baselineRequests = 0;
let reconnectRequests = 0;
/** Who fails waits for this and comes back at the same moment as all others, without jitter: as bad as it gets. */
let restartDone: Promise<unknown> = Promise.resolve();
const backOff = (): Promise<unknown> => restartDone;

beforeAll(async () => {
  proxied = await startProxiedGate();
  await writeDocuments(USERNAMES, 'first');
  const { gate } = proxied;
  await eventually(() => gate.pouchgate.hub.connected && gate.pouchgate.identity.accessMonitor.connected);
  const before = countRequests();
  await gate.restart();
  await eventually(() => gate.pouchgate.hub.connected && gate.pouchgate.identity.accessMonitor.connected);
  baselineRequests = countRequests() - before;
  for (const username of USERNAMES) {
    const token = gate.token(username);
    clients.push(startLiveClient({ database: gate.database, token, username, feed: 'longpoll', backOff }));
  }
  await waitForConvergence();
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await proxied.close();
});

it('the gate is restarted: all are parked again, were told what they missed, and nobody was sent away', async () => {
  const { gate } = proxied;
  const before = countRequests();
  const { hub } = gate.pouchgate;
  const restarted = gate.restart();
  restartDone = restarted;
  await writeDocuments(everyEighth(0), 'while it ends');
  await eventually(() => hub.size === 0);
  await writeDocuments(everyEighth(1), 'while it is away');
  await restarted;
  const back = sumCounts(clients);
  await writeDocuments(everyEighth(2), 'while all come back');
  await waitForConvergence();
  const after = sumCounts(clients);
  reconnectRequests = countRequests() - before - baselineRequests;
  expect(back.requests).toBeGreaterThan(CLIENT_COUNT);
  expect([after.lost - back.lost, after.refused - back.refused, after.empty - back.empty]).toEqual([0, 0, 0]);
  // Each asks once to be back, and once more for each time that it was told something.
  expect(after.requests - back.requests).toBeLessThanOrEqual(CLIENT_COUNT + after.rows - back.rows);
});

it('the return of all costs a fraction of a request for each, most of that before it is seen to be a crowd', () => {
  expect(reconnectRequests).toBeLessThanOrEqual(MAX_REQUESTS + REQUESTS_BEFORE_BATCHING);
});

it('the feed is lost and comes back: all stay, and are read again in few requests', async () => {
  const { gate, proxy } = proxied;
  const { hub } = gate.pouchgate;
  const [before, counts] = [countRequests(), sumCounts(clients)];
  proxy.dropConnections();
  await eventually(() => !hub.connected);
  await writeDocuments(everyEighth(3), 'while the feed is down');
  await eventually(() => hub.connected);
  await waitForConvergence();
  const after = sumCounts(clients);
  // Only who was told something asked again.
  expect(after.requests - counts.requests).toBe(everyEighth(3).length);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  const reads = proxy.requests.slice(before).filter((request) => request.includes('filter=_doc_ids'));
  expect(reads.length).toBeLessThanOrEqual(MAX_REQUESTS);
});

it('the upstream is killed and comes back: all stay, and are read again in few requests', async () => {
  const { gate, proxy } = proxied;
  const { hub } = gate.pouchgate;
  const [before, counts] = [countRequests(), sumCounts(clients)];
  await proxy.kill();
  await eventually(() => !hub.connected);
  await writeDocuments(USERNAMES, 'while the database is not there');
  expect(hub.size).toBe(CLIENT_COUNT);
  await proxy.restart();
  await waitForConvergence();
  const after = sumCounts(clients);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  expect(countRequests() - before).toBeLessThanOrEqual(2 * MAX_REQUESTS);
});

import { startLiveClient, sumCounts, type LiveClient } from '../../../server/testing/live-client.ts';
import { startProxiedGate, type ProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** All clients reconnect at once after a restart of the gate or the upstream. */

const CLIENT_COUNT = 400;
const USERNAMES = Array.from({ length: CLIENT_COUNT }, (_, n) => `storm${n}`);
/** Limit of upstream requests for the reconnection of all clients. */
const MAX_REQUESTS = CLIENT_COUNT / 50;
/** Batches grow from one read to hundreds, once for rights and once for leaves. For thousands of clients this is little. */
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

/** Writes new revisions of these users' documents directly to the database. */
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

/** Resolves once each client waits and has received the last revision of its own document, and no other document. */
async function waitForConvergence(): Promise<void> {
  const hasConverged = ({ parked, leaves, username, ids }: LiveClient): boolean =>
    parked && leaves.join() === revisions.get(username) && [...ids].join() === idOf(username);
  await eventually(() => proxied.gate.pouchgate.hub.size === CLIENT_COUNT && clients.every(hasConverged));
}

/** Upstream requests of a start without clients, and the additional ones when all clients reconnected. */
let baselineRequests = 0;
let reconnectRequests = 0;
/** A failed client waits for this and reconnects at the same moment as all others, without jitter: the worst case. */
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
});
afterAll(async () => {
  for (const client of clients) client.close();
  await proxied.close();
});

it('after a gate restart, every client has a longpoll open and the missed changes, and none was rejected', async () => {
  const { gate } = proxied;
  const before = countRequests();
  const { hub } = gate.pouchgate;
  const restarted = gate.restart();
  restartDone = restarted;
  await writeDocuments(everyEighth(0), 'while it stops');
  await eventually(() => hub.size === 0);
  await writeDocuments(everyEighth(1), 'while it is stopped');
  await restarted;
  const counts = sumCounts(clients);
  await writeDocuments(everyEighth(2), 'while all reconnect');
  await waitForConvergence();
  const after = sumCounts(clients);
  reconnectRequests = countRequests() - before - baselineRequests;
  expect(counts.requests).toBeGreaterThan(CLIENT_COUNT);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  // Each client sends one request to reconnect, and one more after each received row.
  expect(after.requests - counts.requests).toBeLessThanOrEqual(CLIENT_COUNT + after.rows - counts.rows);
});

it('the reconnection of all clients costs a fraction of an upstream request each', () => {
  expect(reconnectRequests).toBeLessThanOrEqual(MAX_REQUESTS + REQUESTS_BEFORE_BATCHING);
});

it('after a feed reconnect, all clients stay connected, and few requests read their leaves', async () => {
  const { gate, proxy } = proxied;
  const { hub } = gate.pouchgate;
  const [before, counts] = [countRequests(), sumCounts(clients)];
  proxy.dropConnections();
  await eventually(() => !hub.connected);
  await writeDocuments(everyEighth(3), 'while the feed is down');
  await eventually(() => hub.connected);
  await waitForConvergence();
  const after = sumCounts(clients);
  // Only clients that received a change sent another request.
  expect(after.requests - counts.requests).toBe(everyEighth(3).length);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  const reads = proxy.requests.slice(before).filter((request) => request.includes('filter=_doc_ids'));
  expect(reads.length).toBeLessThanOrEqual(MAX_REQUESTS);
});

it('after an upstream restart, all clients stay connected, and few requests read their leaves', async () => {
  const { gate, proxy } = proxied;
  const { hub } = gate.pouchgate;
  const [before, counts] = [countRequests(), sumCounts(clients)];
  await proxy.kill();
  await eventually(() => !hub.connected);
  await writeDocuments(USERNAMES, 'while the database is down');
  expect(hub.size).toBe(CLIENT_COUNT);
  await proxy.restart();
  await waitForConvergence();
  const after = sumCounts(clients);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  expect(countRequests() - before).toBeLessThanOrEqual(2 * MAX_REQUESTS);
});

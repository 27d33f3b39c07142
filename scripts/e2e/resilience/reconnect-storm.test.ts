import { startLiveClient, sumOf, type LiveClient } from '../../../server/testing/live-client.ts';
import { startFrontedGate, type FrontedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** All clients at once: the gate is restarted under them, or the upstream is. */

const CLIENTS = 400;
const NAMES = Array.from({ length: CLIENTS }, (_, n) => `storm${n}`);
/** What all of them coming back may cost the upstream. */
const MOST_REQUESTS = CLIENTS / 50;
/** Batches grow from one read to hundreds, once for rights and once for leaves; of a crowd of thousands it is a small part. */
const TO_SEE_A_CROWD = 60;
const idOf = (username: string): string => `user_${username}`;

let fronted: FrontedGate;
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
async function write(names: readonly string[], theme: string): Promise<void> {
  const docs = names.map((name) => {
    const rev = revisions.get(name);
    return { ...documentOf(name, theme), ...(rev === undefined ? {} : { _rev: rev }) };
  });
  const rows = await fronted.registry().bulk({ docs });
  rows.forEach(({ rev }, n) => revisions.set(names[n] ?? '', rev ?? 'refused'));
}

const every = (nth: number): string[] => NAMES.filter((_, n) => n % 8 === nth);
const requests = (): number => fronted.front.requests.length;

/** Each client waits, and was told its own document's last revision, and nothing else. */
async function allParkedAndTold(): Promise<void> {
  const parked = ({ parked: waits, leaves, username, ids }: LiveClient): boolean =>
    waits && leaves.join() === revisions.get(username) && [...ids].join() === idOf(username);
  await eventually(() => fronted.gate.pouchgate.hub.size === CLIENTS && clients.every(parked), 20_000);
}

/** Upstream requests of a start without clients, and what came on top of them when all came back. */
let startsWithNobody = 0;
let requestsOfReturn = 0;
/** Who fails waits for this and comes back at the same moment as all others, without jitter: as bad as it gets. */
let isBack: Promise<unknown> = Promise.resolve();
const backOff = (): Promise<unknown> => isBack;

beforeAll(async () => {
  fronted = await startFrontedGate();
  await write(NAMES, 'first');
  const { gate } = fronted;
  await eventually(() => gate.pouchgate.hub.up && gate.pouchgate.identity.rights.up);
  const before = requests();
  await gate.restart();
  await eventually(() => gate.pouchgate.hub.up && gate.pouchgate.identity.rights.up);
  startsWithNobody = requests() - before;
  for (const username of NAMES) {
    const token = gate.token(username);
    clients.push(startLiveClient({ database: gate.database, token, username, feed: 'longpoll', backOff }));
  }
  await allParkedAndTold();
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await fronted.close();
});

it('the gate is restarted: all are parked again, were told what they missed, and nobody was sent away', async () => {
  const { gate } = fronted;
  const before = requests();
  const { hub } = gate.pouchgate;
  const restarted = gate.restart();
  isBack = restarted;
  await write(every(0), 'while it ends');
  await eventually(() => hub.size === 0);
  await write(every(1), 'while it is away');
  await restarted;
  const back = sumOf(clients);
  await write(every(2), 'while all come back');
  await allParkedAndTold();
  const after = sumOf(clients);
  requestsOfReturn = requests() - before - startsWithNobody;
  expect(back.requests).toBeGreaterThan(CLIENTS);
  expect([after.lost - back.lost, after.refused - back.refused, after.empty - back.empty]).toEqual([0, 0, 0]);
  // Each asks once to be back, and once more for each time that it was told something.
  expect(after.requests - back.requests).toBeLessThanOrEqual(CLIENTS + after.rows - back.rows);
});

it('the return of all costs a fraction of a request for each, most of that before it is seen to be a crowd', () => {
  expect(requestsOfReturn).toBeLessThanOrEqual(MOST_REQUESTS + TO_SEE_A_CROWD);
});

it('the feed is lost and comes back: all stay, and are read again in few requests', async () => {
  const { gate, front } = fronted;
  const { hub } = gate.pouchgate;
  const [before, counts] = [requests(), sumOf(clients)];
  front.cut();
  await eventually(() => !hub.up);
  await write(every(3), 'while the feed is down');
  await eventually(() => hub.up);
  await allParkedAndTold();
  const after = sumOf(clients);
  // Only who was told something asked again.
  expect(after.requests - counts.requests).toBe(every(3).length);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  const reads = front.requests.slice(before).filter((request) => request.includes('filter=_doc_ids'));
  expect(reads.length).toBeLessThanOrEqual(MOST_REQUESTS);
});

it('the upstream is killed and comes back: all stay, and are read again in few requests', async () => {
  const { gate, front } = fronted;
  const { hub } = gate.pouchgate;
  const [before, counts] = [requests(), sumOf(clients)];
  await front.kill();
  await eventually(() => !hub.up);
  await write(NAMES, 'while the database is not there');
  expect(hub.size).toBe(CLIENTS);
  await front.revive();
  await allParkedAndTold();
  const after = sumOf(clients);
  expect([after.lost - counts.lost, after.refused - counts.refused, after.empty - counts.empty]).toEqual([0, 0, 0]);
  expect(requests() - before).toBeLessThanOrEqual(2 * MOST_REQUESTS);
});

import { startLiveClient, sumCounts, type LiveClient } from '../../testing/live-client.ts';
import { startProxiedGate, type ProxiedGate } from '../../testing/faulty-database-proxy.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startSseClient, type SseClient } from '../../testing/sse-client.ts';

/**
 * Many streams and longpolls together: one upstream feed for all, and nobody is told of anybody else.
 *
 *     STREAM_USERS=1000 npx jest server/preferences/stream/many-clients.test.ts
 */

/** Each with two streams and a longpoll. */
const USERS = Number(process.env['STREAM_USERS'] ?? 150);
const NAMES = Array.from({ length: USERS }, (_, n) => `crowd${n}`);
const TIMEOUT_MS = 30_000;

interface CrowdMember {
  readonly name: string;
  readonly streams: readonly SseClient[];
  readonly longpoll: LiveClient;
}

let fronted: ProxiedGate;
let people: CrowdMember[] = [];
const revisions = new Map<string, string>();
let round = 0;

/** A change of these users' documents, straight into the database; each says whose it is. */
async function write(names: readonly string[]): Promise<void> {
  round += 1;
  const docs = names.map((name) => {
    const rev = revisions.get(name);
    return {
      _id: `user_${name}`,
      type: 'user_preferences',
      version: 1,
      username: name,
      preferences: { selectedTags: [`${name} in round ${round}`] },
      edits: {},
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
      ...(rev === undefined ? {} : { _rev: rev }),
    };
  });
  const rows = await fronted.registry().bulk({ docs });
  rows.forEach(({ rev }, n) => revisions.set(names[n] ?? '', rev ?? 'refused'));
  for (const name of names) rounds.set(name, round);
}
const rounds = new Map<string, number>();

const lastOf = ({ events }: SseClient) => events.findLast(({ name }) => name === 'preference-update');
const isUpToDate = ({ name, streams, longpoll }: CrowdMember): boolean =>
  longpoll.leaves.join() === revisions.get(name) &&
  streams.every((stream) => {
    const { data } = lastOf(stream) ?? {};
    const { preferences } = (data ?? {}) as { preferences?: { selectedTags: string[] } };
    return stream.isOpen && preferences?.selectedTags[0] === `${name} in round ${rounds.get(name) ?? 0}`;
  });
const allUpToDate = (): Promise<void> => eventually(() => people.every(isUpToDate), TIMEOUT_MS);
const feedRequests = (): number =>
  fronted.proxy.requests.filter((asked) => asked.includes('feed=continuous') && asked.includes('user_registry')).length;

beforeAll(async () => {
  fronted = await startProxiedGate();
  await write(NAMES);
  const { gate } = fronted;
  people = NAMES.map((name) => {
    const token = gate.token(name);
    const backoff = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 100));
    const stream = (): SseClient =>
      startSseClient({ url: gate.url, headers: { authorization: `Bearer ${token}` }, backoff });
    const longpoll = startLiveClient({ database: gate.database, token, username: name, feed: 'longpoll' });
    return { name, streams: [stream(), stream()], longpoll };
  });
  await allUpToDate();
}, 120_000);
afterAll(async () => {
  for (const { streams, longpoll } of people) for (const client of [...streams, longpoll]) client.close();
  await fronted.close();
});

it('all of them have one upstream feed, and each is told exactly its own user’s changes', async () => {
  await eventually(() => fronted.gate.pouchgate.hub.size === USERS * 3);
  const feeds = feedRequests();
  for (let turn = 0; turn < 3; turn += 1) {
    await write(NAMES);
    await allUpToDate();
  }
  expect(feedRequests()).toBe(feeds);
  expect(feeds).toBe(1);
  for (const { name, streams, longpoll } of people) {
    expect([...longpoll.ids]).toEqual([`user_${name}`]);
    for (const { events } of streams) {
      const named = events.flatMap(({ data }) => JSON.stringify(data).match(/crowd\d+/g) ?? []);
      expect(new Set(named)).toEqual(new Set([name]));
    }
  }
});

it('the upstream is restarted: all stay, and are told what happened meanwhile', async () => {
  const { proxy, gate } = fronted;
  const before = sumCounts(people.map(({ longpoll }) => longpoll));
  await proxy.kill();
  await eventually(() => !gate.pouchgate.hub.connected);
  await write(NAMES.filter((_, n) => n % 2 === 0));
  expect(gate.pouchgate.hub.size).toBe(USERS * 3);
  await proxy.restart();
  await allUpToDate();
  const after = sumCounts(people.map(({ longpoll }) => longpoll));
  expect([after.lost - before.lost, after.refused - before.refused]).toEqual([0, 0]);
  for (const { streams } of people) for (const { statuses } of streams) expect(statuses).toEqual([200]);
}, 60_000);

it('the gate is restarted: each stream comes back with its last id, and is told what it missed and nothing twice', async () => {
  const { gate } = fronted;
  const counted = people.map(({ streams }) => streams.map(({ events }) => events.length));
  const restarted = gate.restart();
  const missed = NAMES.filter((_, n) => n % 3 === 0);
  await write(missed);
  await restarted;
  await allUpToDate();
  await eventually(() => gate.pouchgate.hub.size === USERS * 3, TIMEOUT_MS);
  people.forEach(({ name, streams }, n) =>
    streams.forEach((stream, m) => {
      const events = stream.events.slice(counted[n]?.[m]).filter(({ name: event }) => event === 'preference-update');
      expect([name, events.length]).toEqual([name, missed.includes(name) ? 1 : 0]);
    }),
  );
}, 60_000);

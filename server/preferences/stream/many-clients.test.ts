import { startLiveClient, sumCounts, type LiveClient } from '../../testing/live-client.ts';
import { startProxiedGate, type ProxiedGate } from '../../testing/faulty-database-proxy.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startSseClient, type SseClient } from '../../testing/sse-client.ts';

/**
 * Many streams and longpolls together share one upstream feed, and receive only their own user's changes.
 *
 *     STREAM_USERS=1000 npx jest server/preferences/stream/many-clients.test.ts
 */

/** Each has two streams and a longpoll. */
const USERS = Number(process.env['STREAM_USERS'] ?? 150);
const NAMES = Array.from({ length: USERS }, (_, n) => `crowd${n}`);

interface StreamUser {
  readonly name: string;
  readonly streams: readonly SseClient[];
  readonly longpoll: LiveClient;
}

let fronted: ProxiedGate;
let users: StreamUser[] = [];
/** The latest revision of each user's document, and the round in which it was written. */
const revisions = new Map<string, string>();
const rounds = new Map<string, number>();
let round = 0;

/** Writes these users' documents directly to the database; each contains its user's name. */
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

const lastOf = ({ events }: SseClient) => events.findLast(({ name }) => name === 'preference-update');
const isUpToDate = ({ name, streams, longpoll }: StreamUser): boolean =>
  longpoll.leaves.join() === revisions.get(name) &&
  streams.every((stream) => {
    const { data } = lastOf(stream) ?? {};
    const { preferences } = (data ?? {}) as { preferences?: { selectedTags: string[] } };
    return stream.isOpen && preferences?.selectedTags[0] === `${name} in round ${rounds.get(name) ?? 0}`;
  });
const allUpToDate = (): Promise<void> => eventually(() => users.every(isUpToDate));
const feedRequests = (): number =>
  fronted.proxy.requests.filter((url) => url.includes('feed=continuous') && url.includes('user_registry')).length;

beforeAll(async () => {
  fronted = await startProxiedGate();
  await write(NAMES);
  const { gate } = fronted;
  users = NAMES.map((name) => {
    const token = gate.token(name);
    const backoff = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 100));
    const stream = (): SseClient =>
      startSseClient({ url: gate.url, headers: { authorization: `Bearer ${token}` }, backoff });
    const longpoll = startLiveClient({ database: gate.database, token, username: name, feed: 'longpoll' });
    return { name, streams: [stream(), stream()], longpoll };
  });
  await allUpToDate();
});
afterAll(async () => {
  for (const { streams, longpoll } of users) for (const client of [...streams, longpoll]) client.close();
  await fronted.close();
});

it('all clients share one upstream feed, and each receives exactly its own user’s changes', async () => {
  await eventually(() => fronted.gate.pouchgate.hub.size === USERS * 3);
  const feeds = feedRequests();
  for (let turn = 0; turn < 3; turn += 1) {
    await write(NAMES);
    await allUpToDate();
  }
  expect(feedRequests()).toBe(feeds);
  expect(feeds).toBe(1);
  for (const { name, streams, longpoll } of users) {
    expect([...longpoll.ids]).toEqual([`user_${name}`]);
    for (const { events } of streams) {
      const named = events.flatMap(({ data }) => JSON.stringify(data).match(/crowd\d+/g) ?? []);
      expect(new Set(named)).toEqual(new Set([name]));
    }
  }
});

it('after an upstream restart all clients are still connected and receive the changes made during the outage', async () => {
  const { proxy, gate } = fronted;
  const before = sumCounts(users.map(({ longpoll }) => longpoll));
  await proxy.kill();
  await eventually(() => !gate.pouchgate.hub.connected);
  await write(NAMES.filter((_, n) => n % 2 === 0));
  expect(gate.pouchgate.hub.size).toBe(USERS * 3);
  await proxy.restart();
  await allUpToDate();
  const after = sumCounts(users.map(({ longpoll }) => longpoll));
  expect([after.lost - before.lost, after.refused - before.refused]).toEqual([0, 0]);
  for (const { streams } of users) for (const { statuses } of streams) expect(statuses).toEqual([200]);
});

it('after a gate restart each stream resumes with its last id, and receives missed changes exactly once', async () => {
  const { gate } = fronted;
  const eventCounts = users.map(({ streams }) => streams.map(({ events }) => events.length));
  const restarted = gate.restart();
  const missed = NAMES.filter((_, n) => n % 3 === 0);
  await write(missed);
  await restarted;
  await allUpToDate();
  await eventually(() => gate.pouchgate.hub.size === USERS * 3);
  users.forEach(({ name, streams }, n) =>
    streams.forEach((stream, m) => {
      const events = stream.events
        .slice(eventCounts[n]?.[m])
        .filter(({ name: event }) => event === 'preference-update');
      expect([name, events.length]).toEqual([name, missed.includes(name) ? 1 : 0]);
    }),
  );
});

import { startLiveClient, sumOf, type LiveClient, type LiveFeed } from '../../../server/testing/live-client.ts';
import { startStream, type StreamClient } from '../../../server/testing/sse-client.ts';
import { startForTests, type TestGate } from '../../../server/testing/test-gate.ts';
import { startUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { PASSWORD, runUsers, usersEnv } from '../../../server/testing/run-users-command.ts';

/** In ms, from the start of the command: what the command itself says. */
const LONGEST = 2_000;
const FEEDS: readonly LiveFeed[] = ['longpoll', 'continuous', 'eventsource'];

let upstream: TestUpstream;
let gates: readonly TestGate[];
let clients: (LiveClient | StreamClient)[] = [];
beforeAll(async () => {
  upstream = await startUpstream();
  // One after the other: the first one sets up.
  gates = [await startForTests({}, { upstream }), await startForTests({}, { upstream })];
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});
afterAll(async () => {
  for (const gate of gates) await gate.close();
  await upstream.close();
});

let count = 0;
const newName = (): string => upstream.account(`live${(count += 1)}`);
const run = (...argv: readonly string[]) => runUsers(usersEnv(upstream), argv);

interface Parked {
  readonly feeds: readonly LiveClient[];
  readonly streams: readonly StreamClient[];
}

/** Every feed and the stream of events, on every gate; who is refused once does not come back. */
async function park(username: string, tokenAt: (gate: TestGate) => string | Promise<string>): Promise<Parked> {
  const [parked, streams]: [LiveClient[], StreamClient[]] = [[], []];
  for (const gate of gates) {
    const [database, token] = [gate.database, await tokenAt(gate)];
    const backOff = (): Promise<never> => new Promise(() => undefined);
    parked.push(...FEEDS.map((feed) => startLiveClient({ database, token, username, feed, backOff })));
    streams.push(startStream({ url: gate.url, headers: { authorization: `Bearer ${token}` } }));
  }
  clients.push(...parked, ...streams);
  await eventually(() => parked.every((client) => client.parked && client.leaves.length > 0));
  await eventually(() => streams.every(({ open, events }) => open && events.length > 0));
  return { feeds: parked, streams };
}

const signInAt = async (gate: TestGate, username: string): Promise<string> => {
  const answer = await fetch(`${gate.url}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
};

/** Each feed has ended with a whole answer, and the request after it was told 401, before the time is up; each stream too. */
async function allEnd({ feeds, streams }: Parked, command: Promise<{ code: number; complaints: string }>) {
  const began = performance.now();
  const ended = eventually(
    () => feeds.every(({ counts }) => counts.refused === 1) && streams.every(({ open }) => !open),
    LONGEST,
  ).then(() => performance.now() - began);
  const { code, complaints } = await command;
  expect([code, complaints]).toEqual([0, '']);
  expect(await ended).toBeLessThan(LONGEST);
  const { lost, refused } = sumOf(feeds);
  expect({ lost, refused }).toEqual({ lost: 0, refused: feeds.length });
}

test('suspending ends the live requests on every gate within two seconds, whoever issued their tokens', async () => {
  const [name, neighbour] = [newName(), newName()];
  const parked = await park(name, (gate) => gate.token(name));
  const others = await park(neighbour, (gate) => gate.token(neighbour));
  const before = sumOf(others.feeds);
  await allEnd(parked, run('suspend', name));
  expect(sumOf(others.feeds)).toEqual(before);
  expect(others.feeds.every((client) => client.parked) && others.streams.every(({ open }) => open)).toBe(true);

  const { code } = await run('restore', name);
  expect(code).toBe(0);
  for (const gate of gates) await eventually(async () => (await gate.request(name, '/')).status === 200, LONGEST);
});

test.each([['end-sessions'], ['reset-password', '--password-stdin'], ['suspend'], ['erase', '--yes']])(
  '%s ends the live requests of every session on every gate',
  async (command, ...flags) => {
    const name = newName();
    const typed = { typed: PASSWORD };
    expect((await runUsers(usersEnv(upstream), ['add', name, '--password-stdin'], typed)).code).toBe(0);
    const parked = await park(name, (gate) => signInAt(gate, name));
    const ran = runUsers(usersEnv(upstream), [command, name, ...flags], { typed: 'another password' });
    await allEnd(
      parked,
      ran.then(({ code, complaints }) => ({ code, complaints: command === 'erase' ? '' : complaints })),
    );
  },
);

import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { startLiveClient, sumCounts, type LiveClient, type LiveFeed } from '../../../server/testing/live-client.ts';
import { startSseClient, type SseClient } from '../../../server/testing/sse-client.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { PASSWORD, runUsersCommand, usersCommandEnv } from '../../../server/testing/run-users-command.ts';

/** From the start of the command, as its output promises. */
const MAX_REVOCATION_MS = scaleMs(2_000);
const FEEDS: readonly LiveFeed[] = ['longpoll', 'continuous', 'eventsource'];

let upstream: TestUpstream;
let gates: readonly TestGate[];
let clients: (LiveClient | SseClient)[] = [];
beforeAll(async () => {
  upstream = await startTestUpstream();
  // Not concurrently: the first gate sets the databases up.
  gates = [await startTestGate({}, { upstream }), await startTestGate({}, { upstream })];
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
const newName = (): string => upstream.accountName(`live${(count += 1)}`);
const run = (...argv: readonly string[]) => runUsersCommand(usersCommandEnv(upstream), argv);

interface LiveRequests {
  readonly feeds: readonly LiveClient[];
  readonly streams: readonly SseClient[];
}

/** Opens every kind of feed and the event stream on every gate. A client that is rejected does not reconnect. */
async function openLiveRequests(
  username: string,
  tokenAt: (gate: TestGate) => string | Promise<string>,
): Promise<LiveRequests> {
  const [parked, streams]: [LiveClient[], SseClient[]] = [[], []];
  for (const gate of gates) {
    const [database, token] = [gate.database, await tokenAt(gate)];
    const backOff = (): Promise<never> => new Promise(() => undefined);
    parked.push(...FEEDS.map((feed) => startLiveClient({ database, token, username, feed, backOff })));
    streams.push(startSseClient({ url: gate.url, headers: { authorization: `Bearer ${token}` } }));
  }
  clients.push(...parked, ...streams);
  await eventually(() => parked.every((client) => client.parked && client.leaves.length > 0));
  await eventually(() => streams.every(({ isOpen, events }) => isOpen && events.length > 0));
  return { feeds: parked, streams };
}

const signInAt = async (gate: TestGate, username: string): Promise<string> => {
  const response = await fetch(`${gate.url}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  return ((await response.json()) as { accessToken: string }).accessToken;
};

/** Expects each feed to end in time with a complete response, its next request to get 401, and each stream to close. */
async function expectAllToEnd({ feeds, streams }: LiveRequests, command: Promise<{ code: number; stderr: string }>) {
  const startedAt = performance.now();
  const ended = eventually(
    () => feeds.every(({ counts }) => counts.refused === 1) && streams.every(({ isOpen }) => !isOpen),
    MAX_REVOCATION_MS,
  ).then(() => performance.now() - startedAt);
  const { code, stderr } = await command;
  expect([code, stderr]).toEqual([0, '']);
  expect(await ended).toBeLessThan(MAX_REVOCATION_MS);
  const { lost, refused } = sumCounts(feeds);
  expect({ lost, refused }).toEqual({ lost: 0, refused: feeds.length });
}

test('suspend ends the live requests on every gate within two seconds, regardless of the token’s issuer', async () => {
  const [name, neighbour] = [newName(), newName()];
  const parked = await openLiveRequests(name, (gate) => gate.token(name));
  const others = await openLiveRequests(neighbour, (gate) => gate.token(neighbour));
  const before = sumCounts(others.feeds);
  await expectAllToEnd(parked, run('suspend', name));
  expect(sumCounts(others.feeds)).toEqual(before);
  expect(others.feeds.every((client) => client.parked) && others.streams.every(({ isOpen }) => isOpen)).toBe(true);

  const { code } = await run('restore', name);
  expect(code).toBe(0);
  for (const gate of gates)
    await eventually(async () => (await gate.request(name, '/')).status === 200, MAX_REVOCATION_MS);
});

test.each([['end-sessions'], ['reset-password', '--password-stdin'], ['suspend'], ['erase', '--yes']])(
  '%s ends the live requests of every session on every gate',
  async (command, ...flags) => {
    const name = newName();
    const password = { input: PASSWORD };
    expect((await runUsersCommand(usersCommandEnv(upstream), ['add', name, '--password-stdin'], password)).code).toBe(
      0,
    );
    const parked = await openLiveRequests(name, (gate) => signInAt(gate, name));
    const ran = runUsersCommand(usersCommandEnv(upstream), [command, name, ...flags], { input: 'another password' });
    await expectAllToEnd(
      parked,
      ran.then(({ code, stderr }) => ({ code, stderr: command === 'erase' ? '' : stderr })),
    );
  },
);

import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { problemSchema, userPreferencesSchema, type Session } from '../../contract.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { startSseClient, type SseClient, type SseEvent } from '../../testing/sse-client.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ REGISTRATION: 'open' }, { streamHeartbeatMs: 500 });
});
const clients: SseClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => gate.close());

let users = 0;
const newUser = (): string => gate.upstream.accountName(`stream${(users += 1)}`);
const PATH = '/api/users/preferences/stream';

const open = (user: string, headers: Record<string, string> = {}): SseClient => {
  const client = startSseClient({
    url: gate.url,
    headers: { authorization: `Bearer ${gate.token(user)}`, ...headers },
  });
  clients.push(client);
  return client;
};
const patch = async (user: string, body: object): Promise<string> => {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${gate.token(user)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return JSON.parse(response.headers.get('etag') ?? '""') as string;
};
const preferencesOf = ({ data }: SseEvent) => userPreferencesSchema.parse(data).preferences;
const isUpdate = ({ name }: SseEvent): boolean => name === 'preference-update';
const problemOf = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return problemSchema.parse(await response.json());
};

test('a stream sends its user, the current preferences, and each change with the resulting state as its id', async () => {
  const user = newUser();
  const stream = open(user);
  const connected = await stream.waitForEvent(() => true);
  const first = await stream.waitForEvent(isUpdate);
  expect(connected).toEqual({ name: 'connected', id: undefined, data: { username: user, state: first.id } });
  expect(preferencesOf(first)).toMatchObject({ theme: 'system' });
  for (const theme of ['dark', 'light']) {
    const state = await patch(user, { theme });
    const update = await stream.waitForEvent(({ id }) => id === state);
    expect(preferencesOf(update)).toMatchObject({ theme });
  }
});

test('a stream sends changes from replication as well as from REST', async () => {
  const user = newUser();
  const stream = open(user);
  await stream.waitForEvent(isUpdate);
  const document = (await (await gate.request(user, `/user_${user}`)).json()) as object;
  const body = { ...document, preferences: { viewMode: 'graph' }, edits: {} };
  expect((await gate.request(user, `/user_${user}`, { method: 'PUT', body })).status).toBe(201);
  const update = await stream.waitForEvent((event) => isUpdate(event) && preferencesOf(event).viewMode === 'graph');
  expect(update.id).toMatch(/^2-/);
});

test('with the current Last-Event-ID no update is sent, with any other one the current preferences', async () => {
  const user = newUser();
  const state = await patch(user, { theme: 'dark' });
  const same = open(user, { 'last-event-id': state });
  await same.waitForEvent(({ name }) => name === 'heartbeat');
  expect(same.events.map(({ name }) => name)).toEqual(['connected', 'heartbeat']);
  expect(same.events[0]?.data).toEqual({ username: user, state });
  const next = await patch(user, { theme: 'light' });
  expect(preferencesOf(await same.waitForEvent(({ id }) => id === next))).toMatchObject({ theme: 'light' });
  for (const missed of [state, '99-ffffffffffffffffffffffffffffffff', 'nonsense']) {
    const late = open(user, { 'last-event-id': missed });
    expect((await late.waitForEvent(isUpdate)).id).toBe(next);
  }
});

test('a stream sends only its own user’s changes', async () => {
  const [alice, bob] = [newUser(), newUser()];
  const streams = [open(alice), open(bob)];
  await Promise.all(streams.map((stream) => stream.waitForEvent(isUpdate)));
  const ofAlice = await patch(alice, { selectedTags: ['hers'] });
  const ofBob = await patch(bob, { selectedTags: ['his'] });
  await Promise.all([
    streams[0]?.waitForEvent(({ id }) => id === ofAlice),
    streams[1]?.waitForEvent(({ id }) => id === ofBob),
  ]);
  const [hers, his] = streams.map((stream) => JSON.stringify(stream.events));
  expect(hers).not.toContain('his');
  expect(his).not.toContain('hers');
});

test('without a valid token in the header a stream is 401, also with a token in the URL', async () => {
  const user = newUser();
  expect((await problemOf(await fetch(`${gate.url}${PATH}`))).status).toBe(401);
  expect((await problemOf(await fetch(`${gate.url}${PATH}?access_token=${gate.token(user)}`))).status).toBe(401);
  const expired = { authorization: `Bearer ${gate.token(user, { exp: 1 })}` };
  expect((await problemOf(await fetch(`${gate.url}${PATH}`, { headers: expired }))).status).toBe(401);
});

test('a stream ends with its token', async () => {
  const user = newUser();
  const exp = Math.ceil((Date.now() + scaleMs(1_500)) / 1000);
  const stream = open(user, { authorization: `Bearer ${gate.token(user, { exp })}` });
  await stream.waitForEvent(isUpdate);
  await stream.waitForEnd();
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
  expect(stream.statuses).toEqual([200]);
});

/** Registers a user; returns the session and its cookie. */
async function registerUser() {
  const username = newUser();
  const body = JSON.stringify({ username, password: 'a password for tests' });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${gate.url}/api/auth/register`, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
  const cookie = (response.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  return { username, cookie, session: (await response.json()) as Session };
}

test('the session’s cookie opens a stream for a same-origin page, and the stream ends with the session', async () => {
  const { username, cookie } = await registerUser();
  const stream = startSseClient({ url: gate.url, headers: { cookie, 'sec-fetch-site': 'same-origin' } });
  clients.push(stream);
  expect((await stream.waitForEvent(() => true)).data).toMatchObject({ username });
  await stream.waitForEvent(isUpdate);
  const ended = stream.waitForEnd();
  await fetch(`${gate.url}/api/auth/sign-out`, { method: 'POST', headers: { cookie } });
  await ended;
  const again = await fetch(`${gate.url}${PATH}`, { headers: { cookie } });
  expect((await problemOf(again)).status).toBe(401);
});

test('the cookie is rejected on other endpoints, for cross-site pages, and when it is forged', async () => {
  const { cookie } = await registerUser();
  for (const path of ['/profile', '/preferences', '/preferences/theme']) {
    expect((await fetch(`${gate.url}/api/users${path}`, { headers: { cookie } })).status).toBe(401);
  }
  const site = { cookie, 'sec-fetch-site': 'cross-site' };
  expect((await problemOf(await fetch(`${gate.url}${PATH}`, { headers: site }))).status).toBe(403);
  const forged = { cookie: `${cookie}x` };
  expect((await problemOf(await fetch(`${gate.url}${PATH}`, { headers: forged }))).status).toBe(401);
});

test('a stream ends when its account is suspended', async () => {
  const { username, session } = await registerUser();
  const stream = open(username, { authorization: `Bearer ${session.accessToken}` });
  await stream.waitForEvent(isUpdate);
  const ended = stream.waitForEnd();
  await gate.pouchgate.identity.accounts.suspend(parseUsername(username) as Username);
  await ended;
  expect(
    (
      await problemOf(
        await fetch(`${gate.url}${PATH}`, { headers: { authorization: `Bearer ${session.accessToken}` } }),
      )
    ).status,
  ).toBe(401);
});

test('a stream omits what is stored and not valid: a secret, an unknown preference, an invalid value', async () => {
  const user = newUser();
  const stream = open(user);
  await stream.waitForEvent(isUpdate);
  const { _rev } = await gate.registry().get(`user_${user}`);
  const document = newUserDocument(parseUsername(user) as Username, new Date(0));
  const preferences = { apiToken: 'sesame', language: 'sesame', theme: 'sesame', viewMode: 'table' };
  await gate.registry().insert({ ...document, _rev, preferences } as object);
  const update = await stream.waitForEvent((event) => isUpdate(event) && preferencesOf(event).viewMode === 'table');
  expect(preferencesOf(update).theme).toBe('system');
  const state = await patch(user, { theme: 'dark' });
  expect(preferencesOf(await stream.waitForEvent(({ id }) => id === state))).toMatchObject({ theme: 'dark' });
  expect(JSON.stringify(stream.events)).not.toContain('sesame');
  expect(await gate.registry().get(`user_${user}`)).toMatchObject({ preferences: { ...preferences, theme: 'dark' } });
});

test('streams are released when their clients disconnect', async () => {
  const user = newUser();
  // Streams of earlier tests may still be closing.
  await eventually(() => gate.pouchgate.hub.waiters.stream === 0);
  const streams = [open(user), open(user), open(user)];
  await Promise.all(streams.map((stream) => stream.waitForEvent(isUpdate)));
  expect(gate.pouchgate.hub.waiters.stream).toBe(3);
  for (const stream of streams) stream.close();
  const remaining = open(user);
  while (gate.pouchgate.hub.waiters.stream > 1) {
    await remaining.waitForEvent(({ name }) => name === 'heartbeat');
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(gate.pouchgate.hub.waiters.stream).toBe(1);
});

describe('a stream with a timeout', () => {
  const readAll = async (user: string, query: string, lastEventId = ''): Promise<{ text: string; ms: number }> => {
    const startedAt = performance.now();
    const response = await fetch(`${gate.url}${PATH}?${query}`, {
      headers: { authorization: `Bearer ${gate.token(user)}`, 'last-event-id': lastEventId },
    });
    expect(response.status).toBe(200);
    return { text: await response.text(), ms: performance.now() - startedAt };
  };

  test('ends after the first update', async () => {
    const user = newUser();
    const first = await readAll(user, 'timeout=60000');
    expect(first.text.match(/^event: .*$/gm)).toEqual(['event: connected', 'event: preference-update']);
    const state = /^id: (.*)$/m.exec(first.text)?.[1];
    const [next] = await Promise.all([readAll(user, 'timeout=60000', state), patch(user, { theme: 'dark' })]);
    expect(next.text).toContain('"theme":"dark"');
    expect(next.text.match(/^event: preference-update$/gm)).toHaveLength(1);
  });

  test('ends after the timeout when nothing changes', async () => {
    const user = newUser();
    const state = await patch(user, { theme: 'dark' });
    const { text, ms } = await readAll(user, 'timeout=1500&heartbeat=1000', state);
    expect(ms).toBeGreaterThanOrEqual(1_490);
    expect(text.match(/^event: .*$/gm)?.slice(0, 2)).toEqual(['event: connected', 'event: heartbeat']);
    expect(text).not.toContain('preference-update');
  });

  test('rejects a value that is not a number, before it starts', async () => {
    const user = newUser();
    const response = await fetch(`${gate.url}${PATH}?timeout=soon`, {
      headers: { authorization: `Bearer ${gate.token(user)}` },
    });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).detail).toMatch(/timeout must be an integer/);
  });
});

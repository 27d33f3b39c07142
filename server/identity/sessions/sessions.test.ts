import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import { createRefreshTokens, type RefreshTokens } from './refresh-token.ts';
import type { Session } from './state.ts';
import { SessionStore } from './store.ts';
import { Sessions } from './sessions.ts';
import { TEST_SECRET, startConfiguredUpstream } from '../../testing/test-identity.ts';

const DAY_MS = 86_400_000;
let engine: TestUpstream;
let refreshTokens: RefreshTokens;
let store: SessionStore;
let sessions: Sessions;
let now = Date.now();
const stored: Session[] = [];

beforeAll(async () => {
  engine = await startConfiguredUpstream();
  refreshTokens = createRefreshTokens([TEST_SECRET]);
  store = new SessionStore(connect(engine.access), engine.names.sessions, (session) => stored.push(session));
  sessions = new Sessions({ store, refreshTokens, now: () => now });
});
afterAll(() => engine.close());

let names = 0;
function newName(): Username {
  const username = parseUsername(`user${(names += 1)}`);
  if (username === undefined) throw new Error('not a username');
  return username;
}

test('a session reads back as it was stored, and every stored state is reported', async () => {
  const { session } = await sessions.start(newName(), 'Firefox on Linux');
  await expect(sessions.list(session.username)).resolves.toEqual([session]);
  expect(stored).toContainEqual(session);
});

test('one user has at most 50 active sessions; the least recently used one ends', async () => {
  const username = newName();
  const first = await sessions.start(username, 'test');
  for (let each = 0; each < 50; each += 1) {
    now += 1;
    await sessions.start(username, 'test');
  }
  const list = await sessions.list(username);
  expect(list).toHaveLength(50);
  expect(list.map(({ id }) => id)).not.toContain(first.session.id);
  await expect(sessions.refresh(first.refreshToken)).rejects.toMatchObject({ status: 401 });
});

test("a user's ended sessions are removed after a week, by that user's own requests only", async () => {
  const [username, otherUser] = [newName(), newName()];
  const ended = await sessions.start(username, 'test');
  const other = await sessions.start(otherUser, 'test');
  await sessions.end(otherUser, other.session.id);
  await sessions.end(username, ended.session.id);
  await sessions.list(username);
  expect(await store.listByUser(username)).toHaveLength(1);
  now += 8 * DAY_MS;
  await sessions.list(username);
  expect(await store.listByUser(username)).toEqual([]);
  expect(await store.listByUser(otherUser)).toHaveLength(1);
});

test('ending a session wins over concurrent refreshes', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { session, refreshToken } = await sessions.start(newName(), 'test');
    const [, ...refreshed] = await Promise.allSettled([
      sessions.end(session.username, session.id),
      sessions.refresh(refreshToken),
      sessions.refresh(refreshToken),
    ]);
    await expect(sessions.list(session.username)).resolves.toEqual([]);
    for (const each of refreshed) {
      const token = each.status === 'fulfilled' ? each.value.refreshToken : refreshToken;
      await expect(sessions.refresh(token)).rejects.toMatchObject({ status: 401 });
    }
  }
});

test('concurrent refreshes of one token rotate once', async () => {
  const { session, refreshToken } = await sessions.start(newName(), 'test');
  const all = await Promise.all(Array.from({ length: 6 }, () => sessions.refresh(refreshToken)));
  expect(new Set(all.map((each) => each.refreshToken)).size).toBe(1);
  const [kept] = await sessions.list(session.username);
  expect(kept?.generation).toBe(2);
});

test('a session that the database has lost rejects its refresh tokens', async () => {
  const token = refreshTokens.issue({ sessionId: 'nothing', generation: 1 });
  await expect(sessions.refresh(token)).rejects.toMatchObject({ status: 401 });
  await expect(sessions.signOut(token)).resolves.toBeUndefined();
});

test('a rotation that a restored database has lost does not end the session', async () => {
  const { session } = await sessions.start(newName(), 'test');
  const ahead = refreshTokens.issue({ sessionId: session.id, generation: 5 });
  await expect(sessions.refresh(ahead)).resolves.toMatchObject({ session: { generation: 6 } });
});

test('endAll ends every session, or every session but one', async () => {
  const username = newName();
  const [kept, ...rest] = await Promise.all([1, 2, 3].map(() => sessions.start(username, 'test')));
  await sessions.endAll(username, 'user', kept?.session.id);
  await expect(sessions.list(username)).resolves.toEqual([kept?.session]);
  for (const each of rest) await expect(sessions.refresh(each.refreshToken)).rejects.toMatchObject({ status: 401 });
  await sessions.endAll(username, 'suspension');
  await expect(sessions.list(username)).resolves.toEqual([]);
});

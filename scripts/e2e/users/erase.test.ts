import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { createDocuments } from '../../../server/telegram/document-store.ts';
import { createLinks } from '../../../server/telegram/links/links.ts';
import { newUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { createPeer, settled, SHORT_BACK_OFF } from '../../../server/testing/pouchdb-peer.ts';
import type { TestGate } from '../../../server/testing/test-gate.ts';
import { connect, statusOf } from '../../../server/upstream/client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import type { Erased } from '../../../server/cli/users/erase-user.ts';
import type { UserExport } from '../../../server/cli/users/export-user.ts';
import { openUsersStage, PASSWORD, type RunUsers, type UsersStage } from '../../../server/testing/run-users-command.ts';

let stage: UsersStage;
let gate: TestGate;
beforeAll(async () => {
  stage = await openUsersStage();
  ({ gate } = stage);
});
afterAll(() => gate.close());

const newName = () => stage.newName();
const users = (argv: readonly string[], options?: RunUsers) => stage.run(argv, options);
const added = () => stage.added();
const erase = async (name: string, options: RunUsers = {}): Promise<Erased> => {
  const { code, said } = await users(['erase', name, '--yes', '--json'], options);
  expect(code).toBe(0);
  return JSON.parse(said) as Erased;
};
const post = (path: string, username: string): Promise<Response> =>
  fetch(`${gate.url}/api/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
/** What the database has of the document: each leaf, and whether it is deleted. */
const leavesOf = async (name: string): Promise<{ _rev: string; _deleted?: boolean }[]> => {
  const path = encodeURIComponent(`user_${name}`);
  const answer: unknown = await connect(gate.upstream.access).request({
    db: gate.upstream.names.registry,
    path,
    qs: { open_revs: 'all' },
  });
  return (answer as { ok: { _rev: string; _deleted?: boolean } }[]).map(({ ok }) => ok);
};
const exported = async (name: string): Promise<UserExport> =>
  JSON.parse((await users(['export', name])).said) as UserExport;

let chats = 0;
const linkChat = async (name: Username): Promise<void> => {
  const documents = createDocuments(connect(gate.upstream.access), gate.upstream.names.sessions);
  await createLinks(documents, Date.now).link({ chat: (chats += 1), firstName: 'Ada', telegramName: undefined }, name);
};

test('nothing is left of an erased user but the name, and nothing happens to anybody else', async () => {
  const [name, neighbour] = [await added(), await added()];
  for (const each of [name, neighbour]) {
    await post('sign-in', each);
    await gate.request(each, '/_local/mine', { method: 'PUT', body: { last_seq: 'here' } });
    await users(['set', each, 'selectedTags', '["a secret passion"]']);
    await linkChat(each);
  }
  expect((await exported(name)).chats).toMatchObject([{ firstName: 'Ada', telegramName: null }]);
  const before = await exported(neighbour);
  const old = (await leavesOf(name))[0]?._rev ?? '';

  expect(await erase(name)).toEqual({
    username: name,
    erased: true,
    sessions: 1,
    revisions: 1,
    chats: 1,
    account: 'removed',
    left: [],
  });
  expect(await exported(name)).toMatchObject({
    state: 'erased',
    account: null,
    sessions: [],
    document: null,
    stored: [],
    checkpoints: null,
    chats: [],
  });
  const leaves = await leavesOf(name);
  expect(leaves.map((leaf) => Object.keys(leaf).sort())).toEqual([['_deleted', '_id', '_rev']]);
  // Its old revisions are no more either.
  await eventually(async () => {
    const { registry } = gate.upstream.names;
    const asked = connect(gate.upstream.access).use(registry).get(`user_${name}`, { rev: old });
    return (await asked.then(() => 200, statusOf)) === 404;
  });
  expect({ ...(await exported(neighbour)), exportedAt: '' }).toEqual({ ...before, exportedAt: '' });
  expect((await post('sign-in', neighbour)).status).toBe(200);
});

test("the user's own devices do not bring it back, not even with edits of which the server never heard", async () => {
  const name = await added();
  const id = `user_${name}`;
  const peer = createPeer({ database: gate.database, token: () => gate.token(name) });
  try {
    const first = peer.sync(SHORT_BACK_OFF);
    await settled(peer);
    first.cancel();
    const document = await peer.local.get(id);
    // A child of what the server had, and a branch that no deletion of the server's knows.
    await peer.local.put({ ...document, preferences: { theme: 'dark' } });
    const branch = { ...document, _rev: `2-${'f'.repeat(32)}`, preferences: { theme: 'light' } };
    await peer.local.bulkDocs([{ ...branch, _revisions: { start: 2, ids: ['f'.repeat(32), 'e'.repeat(32)] } }], {
      new_edits: false,
    });
    await erase(name);
    const { length: told } = peer.answers;
    void peer.sync(SHORT_BACK_OFF);
    await eventually(() => peer.answers.slice(told).some(({ status }) => status === 401));
    const direct = { method: 'POST', body: { docs: [branch], new_edits: false } };
    expect((await gate.request(name, '/_bulk_docs', direct)).status).toBe(401);
    // Neither is a new one made, by reading.
    expect((await gate.request(name, '/_changes')).status).toBe(401);
    expect((await leavesOf(name)).every(({ _deleted }) => _deleted === true)).toBe(true);
  } finally {
    await peer.close();
  }
});

test('all of its conflicts are deleted', async () => {
  const name = newName();
  const leaf = (digit: string) => ({ ...newUserDocument(name, new Date(0)), _rev: `1-${digit.repeat(32)}` });
  await gate.registry().bulk({ docs: [leaf('a'), leaf('b'), leaf('c')], new_edits: false });
  expect(await erase(name)).toMatchObject({ revisions: 3, account: 'none' });
  expect((await leavesOf(name)).map(({ _deleted }) => _deleted)).toEqual([true, true, true]);
});

test('the name stays taken, for those who register, for the operator, and for tokens of another provider', async () => {
  const name = await added();
  await erase(name);
  expect((await post('register', name)).status).toBe(409);
  expect((await post('sign-in', name)).status).toBe(401);
  expect((await gate.request(name, '/')).status).toBe(401);
  for (const argv of [['add'], ['restore'], ['reset-password', '--password-stdin']]) {
    const { code, complaints } = await users([...argv, name], { typed: PASSWORD });
    expect([code, complaints]).toEqual([1, expect.stringContaining(`${name} was erased`)]);
  }
  expect((await users(['set', name, 'theme', 'dark'])).complaints).toContain('was erased');
  expect((await users(['suspend', name])).code).toBe(0);
  expect((await exported(name)).state).toBe('erased');
  expect((await gate.request(name, '/')).status).toBe(401);
  const { said } = await users(['list', '--json']);
  expect(said).toMatch(new RegExp(`"${name}",\\s+"state": "erased"`));
});

test('what a gate had under way meanwhile is erased as well, and erasing again does what is left', async () => {
  const name = await added();
  let late = 0;
  const write = async (): Promise<void> => {
    late += 1;
    await gate.registry().insert(newUserDocument(name, new Date(0)));
  };
  const once = () => (late === 0 ? write() : Promise.resolve());
  expect(await erase(name, { settle: once })).toMatchObject({ revisions: 2 });
  expect((await leavesOf(name)).every(({ _deleted }) => _deleted === true)).toBe(true);

  const { code, complaints } = await users(['erase', name, '--yes'], { settle: write });
  expect(code).toBe(1);
  expect(complaints).toMatch(
    /Something goes on writing documents .* Erasing is not finished .*Run it again; it goes on/,
  );
  await write();
  expect((await users(['list'])).complaints).toContain(`${name} was erased, and has a document again`);
  await erase(name);
  expect((await leavesOf(name)).every(({ _deleted }) => _deleted === true)).toBe(true);
  expect((await users(['list'])).complaints).toBe('');
});

test('a person is asked, and has to type the name', async () => {
  const name = await added();
  const { code, complaints } = await users(['erase', name]);
  expect([code, complaints]).toEqual([2, expect.stringContaining('add --yes if you mean it')]);
  for (const typed of ['yes\r', `${name}x\r`, '\r', '\u0003']) {
    const asked = await users(['erase', name], { atTerminal: true, typed });
    expect([asked.code, asked.complaints]).toEqual([1, 'Nothing was changed.']);
    expect(asked.shown).toContain(`Type ${name} to erase this user for good: `);
  }
  expect((await post('sign-in', name)).status).toBe(200);
  const asked = await users(['erase', name], { atTerminal: true, typed: `${name}\r` });
  expect([asked.code, asked.said]).toEqual([0, `${name} is erased, and the name stays taken.`]);
  expect((await post('sign-in', name)).status).toBe(401);
});

test('an account that is more than a user here is left alone', async () => {
  const name = newName();
  const account = { _id: `org.couchdb.user:${name}`, name, type: 'user', roles: ['reporting'], password: PASSWORD };
  await connect(gate.upstream.access).use<object>('_users').insert(account);
  for (const argv of [
    ['erase', '--yes'],
    ['reset-password', '--password-stdin'],
  ]) {
    const { code, complaints } = await users([...argv, name], { typed: PASSWORD });
    expect([code, complaints]).toEqual([1, expect.stringContaining('has roles in CouchDB (reporting)')]);
  }
  expect((await post('sign-in', name)).status).toBe(200);
});

import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { createDocumentStore } from '../../../server/telegram/document-store.ts';
import { createLinks } from '../../../server/telegram/links/links.ts';
import { newUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { createPeer, waitForIdle, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import type { TestGate } from '../../../server/testing/test-gate.ts';
import { connect, statusOf } from '../../../server/upstream/client.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import type { EraseResult } from '../../../server/cli/users/erase-user.ts';
import type { UserExport } from '../../../server/cli/users/export-user.ts';
import {
  createUsersFixture,
  PASSWORD,
  type RunUsersOptions,
  type UsersFixture,
} from '../../../server/testing/run-users-command.ts';

let fixture: UsersFixture;
let gate: TestGate;
beforeAll(async () => {
  fixture = await createUsersFixture();
  ({ gate } = fixture);
});
afterAll(() => gate.close());

const newName = () => fixture.newName();
const runCommand = (argv: readonly string[], options?: RunUsersOptions) => fixture.run(argv, options);
const addUser = () => fixture.addUser();
const erase = async (name: string, options: RunUsersOptions = {}): Promise<EraseResult> => {
  const { code, stdout } = await runCommand(['erase', name, '--yes', '--json'], options);
  expect(code).toBe(0);
  return JSON.parse(stdout) as EraseResult;
};
const post = (path: string, username: string): Promise<Response> =>
  fetch(`${gate.url}/api/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
/** Reads each leaf of the document, with its revision and whether it is deleted. */
const readLeaves = async (name: string): Promise<{ _rev: string; _deleted?: boolean }[]> => {
  const path = encodeURIComponent(`user_${name}`);
  const leaves: unknown = await connect(gate.upstream.access).request({
    db: gate.upstream.names.registry,
    path,
    qs: { open_revs: 'all' },
  });
  return (leaves as { ok: { _rev: string; _deleted?: boolean } }[]).map(({ ok }) => ok);
};
const exportUser = async (name: string): Promise<UserExport> =>
  JSON.parse((await runCommand(['export', name])).stdout) as UserExport;

let chats = 0;
const linkChat = async (name: Username): Promise<void> => {
  const documents = createDocumentStore(connect(gate.upstream.access), gate.upstream.names.sessions);
  await createLinks(documents, Date.now).link({ chat: (chats += 1), firstName: 'Ada', telegramName: undefined }, name);
};

test('erases everything of a user except the name, and nothing of other users', async () => {
  const [name, neighbour] = [await addUser(), await addUser()];
  for (const each of [name, neighbour]) {
    await post('sign-in', each);
    await gate.request(each, '/_local/mine', { method: 'PUT', body: { last_seq: 'here' } });
    await runCommand(['set', each, 'selectedTags', '["a secret passion"]']);
    await linkChat(each);
  }
  expect((await exportUser(name)).chats).toMatchObject([{ firstName: 'Ada', telegramName: null }]);
  const before = await exportUser(neighbour);
  const old = (await readLeaves(name))[0]?._rev ?? '';

  expect(await erase(name)).toEqual({
    username: name,
    erased: true,
    sessions: 1,
    revisions: 1,
    chats: 1,
    account: 'removed',
    left: [],
  });
  expect(await exportUser(name)).toMatchObject({
    state: 'erased',
    account: null,
    sessions: [],
    document: null,
    stored: [],
    checkpoints: null,
    chats: [],
  });
  const leaves = await readLeaves(name);
  expect(leaves.map((leaf) => Object.keys(leaf).sort())).toEqual([['_deleted', '_id', '_rev']]);
  // Compaction removes its old revisions.
  await eventually(async () => {
    const { registry } = gate.upstream.names;
    const request = connect(gate.upstream.access).use(registry).get(`user_${name}`, { rev: old });
    return (await request.then(() => 200, statusOf)) === 404;
  });
  expect({ ...(await exportUser(neighbour)), exportedAt: '' }).toEqual({ ...before, exportedAt: '' });
  expect((await post('sign-in', neighbour)).status).toBe(200);
});

test("the user's own devices cannot restore the document, not even with unsent edits", async () => {
  const name = await addUser();
  const id = `user_${name}`;
  const peer = createPeer({ database: gate.database, token: () => gate.token(name) });
  try {
    const first = peer.sync(SHORT_BACKOFF);
    await waitForIdle(peer);
    first.cancel();
    const document = await peer.local.get(id);
    // A child of the server's revision, and a branch that the server's deletion does not cover.
    await peer.local.put({ ...document, preferences: { theme: 'dark' } });
    const branch = { ...document, _rev: `2-${'f'.repeat(32)}`, preferences: { theme: 'light' } };
    await peer.local.bulkDocs([{ ...branch, _revisions: { start: 2, ids: ['f'.repeat(32), 'e'.repeat(32)] } }], {
      new_edits: false,
    });
    await erase(name);
    const { length: responsesBefore } = peer.responses;
    void peer.sync(SHORT_BACKOFF);
    await eventually(() => peer.responses.slice(responsesBefore).some(({ status }) => status === 401));
    const direct = { method: 'POST', body: { docs: [branch], new_edits: false } };
    expect((await gate.request(name, '/_bulk_docs', direct)).status).toBe(401);
    // Reading does not create a new document either.
    expect((await gate.request(name, '/_changes')).status).toBe(401);
    expect((await readLeaves(name)).every(({ _deleted }) => _deleted === true)).toBe(true);
  } finally {
    await peer.close();
  }
});

test('deletes all conflicts', async () => {
  const name = newName();
  const leaf = (digit: string) => ({ ...newUserDocument(name, new Date(0)), _rev: `1-${digit.repeat(32)}` });
  await gate.registry().bulk({ docs: [leaf('a'), leaf('b'), leaf('c')], new_edits: false });
  expect(await erase(name)).toMatchObject({ revisions: 3, account: 'none' });
  expect((await readLeaves(name)).map(({ _deleted }) => _deleted)).toEqual([true, true, true]);
});

test('the name stays taken for registration, for the operator, and for tokens of another provider', async () => {
  const name = await addUser();
  await erase(name);
  expect((await post('register', name)).status).toBe(409);
  expect((await post('sign-in', name)).status).toBe(401);
  expect((await gate.request(name, '/')).status).toBe(401);
  for (const argv of [['add'], ['restore'], ['reset-password', '--password-stdin']]) {
    const { code, stderr } = await runCommand([...argv, name], { input: PASSWORD });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${name} was erased`)]);
  }
  expect((await runCommand(['set', name, 'theme', 'dark'])).stderr).toContain('was erased');
  expect((await runCommand(['suspend', name])).code).toBe(0);
  expect((await exportUser(name)).state).toBe('erased');
  expect((await gate.request(name, '/')).status).toBe(401);
  const { stdout } = await runCommand(['list', '--json']);
  expect(stdout).toMatch(new RegExp(`"${name}",\\s+"state": "erased"`));
});

test('erases what a gate writes during the erasure, and a second run completes it', async () => {
  const name = await addUser();
  let late = 0;
  const write = async (): Promise<void> => {
    late += 1;
    await gate.registry().insert(newUserDocument(name, new Date(0)));
  };
  const once = () => (late === 0 ? write() : Promise.resolve());
  expect(await erase(name, { waitForGates: once })).toMatchObject({ revisions: 2 });
  expect((await readLeaves(name)).every(({ _deleted }) => _deleted === true)).toBe(true);

  const { code, stderr } = await runCommand(['erase', name, '--yes'], { waitForGates: write });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /Another process keeps writing documents .* The erasure is not finished .*Run it again to continue/,
  );
  await write();
  expect((await runCommand(['list'])).stderr).toContain(`${name} was erased, and has a document again`);
  await erase(name);
  expect((await readLeaves(name)).every(({ _deleted }) => _deleted === true)).toBe(true);
  expect((await runCommand(['list'])).stderr).toBe('');
});

test('prompts for the name as a confirmation', async () => {
  const name = await addUser();
  const { code, stderr } = await runCommand(['erase', name]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('add --yes to confirm')]);
  for (const input of ['yes\r', `${name}x\r`, '\r', '\u0003']) {
    const rejected = await runCommand(['erase', name], { isTty: true, input });
    expect([rejected.code, rejected.stderr]).toEqual([1, 'Nothing was changed.']);
    expect(rejected.terminalOutput).toContain(`Type ${name} to erase this user permanently: `);
  }
  expect((await post('sign-in', name)).status).toBe(200);
  const confirmed = await runCommand(['erase', name], { isTty: true, input: `${name}\r` });
  expect([confirmed.code, confirmed.stdout]).toEqual([0, `${name} is erased, and the name stays taken.`]);
  expect((await post('sign-in', name)).status).toBe(401);
});

test('leaves an account with roles in CouchDB alone', async () => {
  const name = newName();
  const account = { _id: `org.couchdb.user:${name}`, name, type: 'user', roles: ['reporting'], password: PASSWORD };
  await connect(gate.upstream.access).use<object>('_users').insert(account);
  for (const argv of [
    ['erase', '--yes'],
    ['reset-password', '--password-stdin'],
  ]) {
    const { code, stderr } = await runCommand([...argv, name], { input: PASSWORD });
    expect([code, stderr]).toEqual([1, expect.stringContaining('has roles in CouchDB (reporting)')]);
  }
  expect((await post('sign-in', name)).status).toBe(200);
});

import { toUsername } from '../../../couchdb-design/testing/arbitraries.ts';
import { editSourceOf } from '../../../couchdb-design/user-document/edit-sources.ts';
import { newUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { createPeer, readPreference, waitForIdle, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import type { TestGate } from '../../../server/testing/test-gate.ts';
import { connect } from '../../../server/upstream/client.ts';
import { waitForConsistency } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import type { UserList } from '../../../server/cli/users/list-users.ts';
import type { UserReport } from '../../../server/cli/users/user-report.ts';
import {
  createUsersFixture,
  PASSWORD,
  runUsersCommand,
  usersCommandEnv,
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
const runSuccessfully = (argv: readonly string[], options?: RunUsersOptions) => fixture.runSuccessfully(argv, options);
const runJson = <T>(argv: readonly string[]) => fixture.runJson<T>(argv);
const expectFailure: UsersFixture['expectFailure'] = (argv, sentence, options) =>
  fixture.expectFailure(argv, sentence, options);
const addUser = () => fixture.addUser();
const signIn = (username: string, password?: string) => fixture.signIn(username, password);
const cookieOf = (response: Response): string => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const refresh = async (cookie: string): Promise<number> =>
  (
    await fetch(`${gate.url}/api/auth/refresh`, {
      method: 'POST',
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
    })
  ).status;

test('an added user signs in with this password only, and cannot be added again', async () => {
  const name = await addUser();
  expect((await signIn(name)).status).toBe(200);
  expect((await signIn(name, 'another password')).status).toBe(401);
  await expectFailure(['add', name, '--password-stdin'], /An account .* already exists/, { input: 'another password' });
  expect((await signIn(name)).status).toBe(200);
});

test('a terminal prompts for a password twice, without echo', async () => {
  const name = newName();
  const { code, terminalOutput, stdout } = await runCommand(['add', name], {
    isTty: true,
    input: `${PASSWORD}\r${PASSWORD}\r`,
  });
  expect([code, stdout]).toEqual([0, `${name} has an account, and can sign in.`]);
  expect(terminalOutput).toBe(`New password of ${name}: \nRepeat it: \n`);
  expect((await signIn(name)).status).toBe(200);
});

test('an invalid password changes nothing', async () => {
  const name = newName();
  const tty = { isTty: true };
  await expectFailure(['add', name], 'The passwords differ. Nothing was changed', {
    ...tty,
    input: `${PASSWORD}\rcorrect-horse\r`,
  });
  // Ctrl+C, and Ctrl+D.
  await expectFailure(['add', name], 'Nothing was changed.', { ...tty, input: 'corr\u0003' });
  await expectFailure(['add', name], 'Nothing was changed.', { ...tty, input: '\u0004' });
  await expectFailure(['add', name, '--password-stdin'], 'at least 8 characters. Nothing was changed', {
    input: 'short',
  });
  await expectFailure(['add', name, '--password-stdin'], 'more than one line', { input: 'correct-horse\nbattery\n' });
  await expectFailure(['add', name, '--password-stdin'], 'no password', { input: '\n' });
  const { code, stderr } = await runCommand(['add', name]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--password-stdin')]);
  await expectFailure(['show', name], `User ${name} does not exist`);
});

test('commands on an unknown name create no document, and do not suspend a mistyped name', async () => {
  const name = newName();
  for (const argv of [['show'], ['export'], ['restore'], ['end-sessions'], ['erase', '--yes'], ['reset-password']]) {
    await expectFailure([...argv, name], `User ${name} does not exist`, { input: PASSWORD });
  }
  await expectFailure(['set', name, 'theme', 'dark'], `User ${name} does not exist`);
  await expectFailure(['suspend', name], /User .* does not exist.* --unseen/);
  await expect(gate.registry().get(`user_${name}`)).rejects.toMatchObject({ statusCode: 404 });
  expect((await gate.request(name, '/')).status).toBe(200);
});

test('an unused name can be suspended with --unseen, and then cannot be registered', async () => {
  const name = newName();
  await runSuccessfully(['suspend', name, '--unseen']);
  expect((await gate.request(name, '/')).status).toBe(401);
  await expectFailure(['add', name, '--password-stdin'], 'is suspended', { input: PASSWORD });
  await expect(gate.pouchgate.identity.accounts.register(name, PASSWORD)).rejects.toMatchObject({ status: 409 });
  await runSuccessfully(['restore', name]);
  await eventually(async () => (await gate.request(name, '/')).status === 200);
});

test('an edit from the command line reaches a live PouchDB, and is shown with its source and time', async () => {
  const name = await addUser();
  const peer = createPeer({ database: gate.database, token: () => gate.token(name) });
  try {
    void peer.sync(SHORT_BACKOFF);
    await waitForIdle(peer);
    const id = `user_${name}`;
    expect(await runSuccessfully(['set', name, 'theme', 'dark'])).toBe('theme of ' + name + ' is "dark".');
    await eventually(async () => (await readPreference(peer.local, id, 'theme')) === 'dark');
    await runSuccessfully(['set', name, 'selectedTags', '["a", "b"]']);
    await eventually(async () => JSON.stringify(await readPreference(peer.local, id, 'selectedTags')) === '["a","b"]');

    const user = await runJson<UserReport>(['show', name]);
    expect(user).toMatchObject({
      state: 'active',
      since: null,
      account: true,
      sessions: [],
      document: {
        preferences: { theme: 'dark', selectedTags: ['a', 'b'] },
        conflicts: 0,
        edits: { theme: { by: 'command line' }, selectedTags: { by: 'command line' } },
      },
    });
    const { edits } = (await peer.local.get(id)) as unknown as { edits: Record<string, string> };
    expect(editSourceOf(edits['theme'] ?? '')).toBe('command line');

    const removal = await runJson<object>(['set', name, 'theme', 'unset']);
    expect(removal).toMatchObject({ preference: 'theme', value: null, edit: { by: 'command line' } });
    await eventually(async () => (await readPreference(peer.local, id, 'theme')) === undefined);
    expect(await runSuccessfully(['show', name])).toMatch(/^theme +removed +\d{4}-\S+Z +command line +0c...$/m);
    const { _rev: rev } = await gate.registry().get(id);
    await runSuccessfully(['set', name, 'theme', 'null']);
    expect((await gate.registry().get(id))._rev).toBe(rev);
    expect(peer.events.filter(({ name: event }) => event === 'denied' || event === 'error')).toEqual([]);
  } finally {
    await peer.close();
  }
});

test('show merges an unresolved conflict, and reports a document that cannot be read', async () => {
  const name = newName();
  const base = newUserDocument(name, new Date(0));
  const leaf = (digit: string, preferences: object) => ({ ...base, _rev: `1-${digit.repeat(32)}`, preferences });
  const docs = [leaf('a', { theme: 'dark' }), leaf('b', { viewMode: 'table' })];
  await gate.registry().bulk({ docs, new_edits: false });
  const merged = await runJson<UserReport>(['show', name]);
  expect(merged.document).toMatchObject({ conflicts: 1, preferences: { theme: 'dark', viewMode: 'table' } });

  const newer = newName();
  await gate.registry().insert({ ...newUserDocument(newer, new Date(0)), version: 2 } as never);
  expect(await runSuccessfully(['show', newer])).toContain('version 2, newer than this program can read');
  await expectFailure(['set', newer, 'theme', 'dark'], 'version 2');
});

test('reset-password ends the sessions of the old password', async () => {
  const name = await addUser();
  const cookie = cookieOf(await signIn(name));
  expect(await runSuccessfully(['reset-password', name, '--password-stdin'], { input: 'another password' })).toContain(
    'one session is ended',
  );
  expect(await refresh(cookie)).toBe(401);
  expect((await signIn(name)).status).toBe(401);
  expect((await signIn(name, 'another password')).status).toBe(200);
  // A user of another identity provider has no account here.
  const external = newName();
  expect((await gate.request(external, '/_changes')).status).toBe(200);
  await expectFailure(['reset-password', external, '--password-stdin'], 'has no account here', { input: PASSWORD });
});

test('show lists sessions, end-sessions ends all of them, and the user can sign in again', async () => {
  const name = await addUser();
  const cookies = [cookieOf(await signIn(name)), cookieOf(await signIn(name))];
  expect((await runJson<UserReport>(['show', name])).sessions).toHaveLength(2);
  expect(await runJson(['end-sessions', name])).toEqual({ username: name, sessionsEnded: 2 });
  for (const cookie of cookies) expect(await refresh(cookie)).toBe(401);
  expect((await runJson<UserReport>(['show', name])).sessions).toEqual([]);
  expect((await signIn(name)).status).toBe(200);
});

test('list includes accounts, users of another provider, and suspended users', async () => {
  const [account, external, suspended] = [await addUser(), newName(), await addUser()];
  await signIn(account);
  await gate.request(external, '/_changes');
  await runSuccessfully(['suspend', suspended]);
  const { users: all, accountsListed } = await runJson<UserList>(['list']);
  const found = (name: string) => all.find(({ username }) => username === name);
  expect(accountsListed).toBe(true);
  expect(found(account)).toEqual({
    username: account,
    state: 'active',
    account: true,
    document: true,
    sessions: 1,
    lastSeenAt: expect.stringMatching(/Z$/) as string,
  });
  expect(found(external)).toMatchObject({ account: false, document: true, sessions: 0, lastSeenAt: null });
  expect(found(suspended)).toMatchObject({ state: 'suspended', account: true });
  const lines = (await runSuccessfully(['list'])).split('\n');
  expect(lines.find((line) => line.startsWith(`${account} `))).toMatch(/ active +yes +yes +1 +\d{4}-/);
});

test('list includes each user once across several pages', async () => {
  const names = Array.from({ length: 1_500 }, (_, index) => `many${String(index).padStart(4, '0')}`);
  const docs = names.map((name) => newUserDocument(toUsername(name), new Date(0)));
  await gate.registry().bulk({ docs });
  const found = async (): Promise<string[]> => {
    const { users: all } = await runJson<UserList>(['list']);
    return all.map(({ username: name }) => name).filter((name) => /^many\d{4}$/.test(name));
  };
  // In a cluster a list comes from one replica, which may lag.
  await waitForConsistency(async () => (await found()).join() === names.join());
});

test('export includes everything stored, and nothing that allows a sign-in', async () => {
  const name = await addUser();
  const users_ = connect(gate.upstream.access).use('_users');
  const account = (await users_.get(`org.couchdb.user:${name}`)) as unknown as Record<string, string>;
  await users_.insert({ ...account, email: 'alice@example.org' } as never);
  const cookie = cookieOf(await signIn(name));
  await gate.request(name, '/_local/mine', { method: 'PUT', body: { last_seq: 'here' } });
  await runSuccessfully(['set', name, 'timezone', 'Europe/Vienna']);
  const text = await runSuccessfully(['export', name]);
  expect(JSON.parse(text)).toMatchObject({
    format: 'pouchgate-user',
    version: 1,
    username: name,
    state: 'active',
    account: { name, roles: [], email: 'alice@example.org' },
    suspension: null,
    sessions: [{ endedAt: null, endedBy: null }],
    document: { preferences: { timezone: 'Europe/Vienna' }, edits: { timezone: { by: 'command line' } } },
    stored: [{ _id: `user_${name}`, preferences: { timezone: 'Europe/Vienna' } }],
    withheld: expect.arrayContaining(['account.derived_key', 'account.salt']) as string[],
  });
  expect(text).toContain('"here"');
  const { derived_key: key = '?', salt = '?' } = account;
  for (const secret of [key, salt, cookie.split('=')[1] ?? '?', PASSWORD, gate.upstream.access.password]) {
    expect(secret.length).toBeGreaterThan(6);
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/"(derived_key|salt|iterations|password\w*|refresh_?token)":/i);
});

test('reports wrong credentials, a server that does not respond, a missing database and an invalid environment', async () => {
  const env = usersCommandEnv(gate.upstream);
  const runAndFail = async (more: Record<string, string>, argv = ['list']) => {
    const { code, stderr, stdout } = await runUsersCommand({ ...env, ...more }, argv);
    expect([code, stdout]).toEqual([1, '']);
    return stderr;
  };
  expect(await runAndFail({ COUCHDB_PASSWORD: 'wrong' })).toContain('rejects COUCHDB_USER');
  expect(await runAndFail({ COUCHDB_URL: 'http://127.0.0.1:1' })).toContain('No response from http://127.0.0.1:1');
  expect(await runAndFail({ REGISTRY_DB: 'no_such_database' })).toContain(
    'The database no_such_database does not exist',
  );
  expect(await runAndFail({ COUCHDB_URL: '' })).toContain('COUCHDB_USER is set without COUCHDB_URL');
  const keys = { JWKS_URL: 'https://idp.example/keys', JWT_ISSUER: 'https://idp.example/', JWT_AUDIENCE: 'gate' };
  const provider = { JWT_SECRET: '', REGISTRATION: '', ...keys };
  expect(await runAndFail(provider, ['add', newName(), '--password-stdin'])).toContain('another identity provider');
  expect((await runCommand(['dance'])).code).toBe(2);
});

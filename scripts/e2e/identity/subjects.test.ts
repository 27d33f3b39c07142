import { generateKeyPairSync } from 'node:crypto';
import { usernameOf } from '../../../couchdb-design/testing/arbitraries.ts';
import { formatSubject, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { UserList } from '../../../server/cli/users/list-users.ts';
import type { UserExport } from '../../../server/cli/users/export-user.ts';
import { createPeer, editPreferences, readPreference, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { runUsersCommand, usersCommandEnv } from '../../../server/testing/run-users-command.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { createDeviceFactory, waitForPreferences, waitForState } from '../testing/device.ts';
import { createBrowser } from '../testing/browser.ts';

/** Subjects of any text, through every interface. */

let gate: TestGate;
const devices = createDeviceFactory(() => ({ registryUrl: gate.database, token: (name) => gate.token(name) }));
beforeAll(async () => {
  gate = await startTestGate();
});
afterEach(devices.close);
afterAll(() => gate.close());

const bearer = (subject: string): Record<string, string> => ({ authorization: `Bearer ${gate.token(subject)}` });
const run = (...argv: readonly string[]) => runUsersCommand(usersCommandEnv(gate.upstream), argv);

/** Subjects that a normalisation, a trimmed space or a wrong decoding would make one. */
const SIMILAR = [
  'ada:x',
  'user_ada',
  'org.couchdb.user:ada',
  '\uff41da',
  '_design/ada',
  'Ada',
  'ada',
  'ada ',
  'a\u0308da',
  '\u00e4da',
  '=41da',
  '%41da',
  'ada\u0000',
  'ada/../ada',
  '_ada',
  '-ada',
];
const LONGEST = '\u{1f600}'.repeat(255);

test('similar subjects have documents of their own, and read no other', async () => {
  const put = (subject: string, tag: string): Promise<Response> =>
    fetch(`${gate.url}/api/users/preferences/selectedTags`, {
      method: 'PUT',
      headers: { ...bearer(subject), 'content-type': 'application/json' },
      body: JSON.stringify([tag]),
    });
  for (const [index, subject] of SIMILAR.entries()) {
    expect([subject, (await put(subject, String(index))).status]).toEqual([subject, 200]);
  }
  const ids = SIMILAR.map((subject) => userDocumentId(usernameOf(subject)));
  for (const [index, subject] of SIMILAR.entries()) {
    const response = await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) });
    expect(await response.json()).toMatchObject({ username: subject, preferences: { selectedTags: [String(index)] } });
    const statuses = await Promise.all(
      ids.map(async (id) => (await gate.request(subject, `/${encodeURIComponent(id)}`)).status),
    );
    expect(statuses).toEqual(ids.map((_, other) => (other === index ? 200 : 404)));
    const body = { docs: ids.map((id) => ({ id })) };
    const bulk = await gate.request(subject, '/_bulk_get', { method: 'POST', body });
    const { results } = (await bulk.json()) as { results: { id: string; docs: object[] }[] };
    expect(results.map(({ docs: [doc] }) => 'ok' in (doc ?? {}))).toEqual(ids.map((_, other) => other === index));
  }
});

test.each([LONGEST, 'a\u0000\u001b[2J\u202e b\\u{7}|"\'', 'auth0|5f7c8ec7c33c6c004bbafe82'])(
  'two devices and a plain PouchDB of the subject %j replicate',
  async (subject) => {
    const id = userDocumentId(usernameOf(subject));
    const [one, other] = [devices.open(subject).store, devices.open(subject).store];
    await waitForState(one, 'live');
    await waitForState(other, 'live');
    await one.set({ theme: 'dark' });
    await waitForPreferences(other, { theme: 'dark' });

    // With checkpoints, whose ids contain the encoded name on the server.
    const peer = createPeer({ database: gate.database, token: () => gate.token(subject), skipSetup: false });
    void peer.sync({ ...SHORT_BACKOFF, doc_ids: [id] });
    await eventually(async () => (await readPreference(peer.local, id, 'theme')) === 'dark');
    await editPreferences(peer.local, id, { theme: 'light' });
    await waitForPreferences(one, { theme: 'light' });
    expect(peer.responses.filter(({ status }) => status >= 400 && status !== 404)).toEqual([]);
    await peer.close();
    const read = await gate.request(subject, `/${encodeURIComponent(id)}?revs=true&latest=true&open_revs=all`);
    expect(read.status).toBe(200);
  },
);

test('the data in a browser is erased when a user with any subject signs out', async () => {
  const [browser, subject] = [createBrowser(), 'Ada|:?#/\\'];
  const { store } = devices.open(subject, browser.open, { environment: browser.environment });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  const database = `pouchgate_${usernameOf(subject)}`;
  expect(await browser.dump(database)).toContain('dark');
  await store.signOut();
  expect(await browser.dump(database)).toBe('[[],[]]');
});

test('what "users list" prints can be passed to "show", "suspend", "restore", "export" and "erase"', async () => {
  const subjects = ['Carol Smith|7', '-rf', 'evil\u001b[2J\u009b\u202e\\u{7} ', LONGEST];
  for (const subject of subjects) {
    expect((await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) })).status).toBe(200);
  }
  const listed = await run('list');
  const { stdout: jsonText } = await run('list', '--json');
  expect(jsonText).not.toMatch(/[^\P{C}\n]/u);
  const json = JSON.parse(jsonText) as UserList;
  for (const subject of subjects) {
    const printed = formatSubject(usernameOf(subject));
    expect(listed.stdout.split('\n').some((line) => line.startsWith(`${printed} `))).toBe(true);
    expect(listed.stdout).not.toMatch(/[^\P{C}\n]/u);
    expect(json.users.find(({ username }) => username === subject)).toMatchObject({ state: 'active', document: true });

    expect((await run('show', '--', printed)).stdout).toContain(`${printed} is active.`);
    expect((await run('suspend', '--', printed)).stdout).toContain(`${printed} is suspended`);
    const refused = await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) });
    expect(await refused.json()).toMatchObject({ status: 401, code: 'account-suspended' });
    expect((await run('restore', '--', printed)).stdout).toContain(`${printed} can sign in again.`);
    const exported = JSON.parse((await run('export', '--', printed)).stdout) as UserExport;
    expect(exported).toMatchObject({ username: subject, state: 'active' });
    expect((await run('erase', '--yes', '--', printed)).stdout).toContain(`${printed} is erased`);
    const erased = await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) });
    expect(erased.status).toBe(401);
  }
});

test('the erasure of an identity provider’s user leaves an account of CouchDB with the same name alone', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const env = {
    ...usersCommandEnv(gate.upstream),
    JWT_SECRET: '',
    REGISTRATION: '',
    JWT_PUBLIC_KEY: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    JWT_ISSUER: 'any',
    JWT_AUDIENCE: 'any',
  };
  const { access } = gate.upstream;
  const name = gate.upstream.accountName('grafana');
  const accountUrl = `${access.url}/_users/org.couchdb.user:${name}`;
  const headers = {
    authorization: `Basic ${Buffer.from(`${access.username}:${access.password}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const account = { name, type: 'user', roles: [], password: 'correct-horse-battery' };
  expect((await fetch(accountUrl, { method: 'PUT', headers, body: JSON.stringify(account) })).ok).toBe(true);
  for (const subject of [name, access.username]) {
    expect((await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) })).status).toBe(200);
    const { code, stderr } = await runUsersCommand(env, ['erase', '--yes', subject]);
    expect([code, stderr]).toEqual([0, expect.stringContaining(subject)]);
    expect((await fetch(`${gate.url}/api/users/profile`, { headers: bearer(subject) })).status).toBe(401);
  }
  expect(await (await fetch(accountUrl, { headers })).json()).toMatchObject({
    name,
    derived_key: expect.any(String) as string,
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { ImportRow } from '../../../server/cli/import/report.ts';
import type { UserReport } from '../../../server/cli/users/user-report.ts';
import { connect } from '../../../server/upstream/client.ts';
import { createUsersFixture, usersCommandEnv, type UsersFixture } from '../../../server/testing/run-users-command.ts';
import { createOlderDatabase, OLD_PASSWORD, olderDocument, SECRET_MARK } from './testing/older-application.ts';
import { importNumbers, importRows, runImport, toNdjson } from './testing/run-import-command.ts';

/** The import of an older application's users, beside a running gate. */

let fixture: UsersFixture;
let env: Readonly<Record<string, string>>;
const folder = mkdtempSync(join(tmpdir(), 'import-'));
beforeAll(async () => {
  fixture = await createUsersFixture();
  env = usersCommandEnv(fixture.gate.upstream);
});
afterAll(async () => {
  await fixture.gate.close();
  rmSync(folder, { recursive: true });
});

const registry = () => fixture.gate.registry();
const read = async (name: string) =>
  (await registry().get(userDocumentId(name as Username))) as unknown as Record<string, unknown>;
const only = (rows: readonly ImportRow[]): ImportRow => {
  const [row] = rows;
  if (row === undefined || rows.length !== 1) throw new Error(JSON.stringify(rows));
  return row;
};

test('a user of the older application signs in with the same password, and has their preferences, and no secret', async () => {
  const name = fixture.newName();
  const row = only(await importRows(env, ['-'], toNdjson([olderDocument(name, 3)])));
  expect(row).toMatchObject({ source: 'line 1', username: name, status: 'imported', account: 'created' });
  expect(row.leftOut?.map(({ path }) => path)).toEqual([
    'preferences.apiToken',
    'preferences.filterPresets.0.password',
    'preferences.retiredPreference',
  ]);
  expect(JSON.stringify(row)).not.toContain(SECRET_MARK);
  const signedIn = await fixture.signIn(name, OLD_PASSWORD);
  expect(signedIn.status).toBe(200);
  const { accessToken } = (await signedIn.json()) as { accessToken: string };
  const profile = await fetch(`${fixture.gate.url}/api/users/profile`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  expect(await profile.json()).toMatchObject({
    preferences: { theme: 'light', selectedTags: ['tag 3'] },
    edits: { theme: { at: '2025-01-01T00:00:00.000Z', by: 'import' } },
  });
  expect(await read(name)).toMatchObject({
    created_at: '2024-02-03T04:05:06.000Z',
    updated_at: '2025-01-01T00:00:00.000Z',
  });
  expect((await fixture.runJson<UserReport>(['show', name])).document).toMatchObject({
    edits: { theme: { by: 'import' } },
  });
});

test('a user whose hash CouchDB cannot check has an account, and signs in once it has a password', async () => {
  const name = fixture.newName();
  const row = only(await importRows(env, ['-'], toNdjson([olderDocument(name, 5)])));
  expect(row).toMatchObject({
    status: 'imported',
    account: 'password-needed',
    password: expect.stringContaining('bcrypt') as string,
  });
  expect((await fixture.signIn(name, OLD_PASSWORD)).status).toBe(401);
  await fixture.runSuccessfully(['reset-password', name, '--password-stdin'], { input: 'another-password' });
  expect((await fixture.signIn(name, 'another-password')).status).toBe(200);
});

test('plain passwords are hashed, and accounts that exist keep theirs', async () => {
  const [fresh, existing] = [fixture.newName(), await fixture.addUser()];
  const documents = [fresh, existing].map((username) => ({ username, preferences: {}, password: 'plain-password' }));
  const rows = await importRows(env, ['-'], toNdjson(documents));
  expect(rows.map(({ account }) => account).sort()).toEqual(['created', 'exists']);
  expect((await fixture.signIn(fresh, 'plain-password')).status).toBe(200);
  expect((await fixture.signIn(existing, 'plain-password')).status).toBe(401);
  const account = await connect(fixture.gate.upstream.access).use('_users').get(`org.couchdb.user:${fresh}`);
  expect(JSON.stringify(account)).not.toContain('plain-password');
});

test('what a user has set since stays, and a value that the source has changed since is imported', async () => {
  const name = fixture.newName();
  const document = olderDocument(name, 3);
  await importRows(env, ['-'], toNdjson([document]));
  await fixture.runSuccessfully(['set', name, 'theme', 'system']);
  const changed = {
    ...document,
    preferences: { theme: 'dark', selectedTags: ['new'] },
    updated_at: '2025-06-01T00:00:00.000Z',
  };
  expect(only(await importRows(env, ['-'], toNdjson([changed])))).toMatchObject({
    status: 'imported',
    kept: ['theme'],
  });
  expect(await read(name)).toMatchObject({ preferences: { theme: 'system', selectedTags: ['new'] } });
  const revision = (await read(name))['_rev'];
  expect(only(await importRows(env, ['-'], toNdjson([changed])))).toMatchObject({
    status: 'unchanged',
    kept: ['theme'],
  });
  expect((await read(name))['_rev']).toBe(revision);
});

test('a dry run reports the same and writes nothing', async () => {
  const name = fixture.newName();
  const input = toNdjson([olderDocument(name, 3), olderDocument('Not A Name', 4)]);
  const { update_seq: before } = await connect(fixture.gate.upstream.access).db.get(
    fixture.gate.upstream.names.registry,
  );
  const dry = await importRows(env, ['-', '--dry-run'], input);
  await expect(read(name)).rejects.toMatchObject({ statusCode: 404 });
  expect((await connect(fixture.gate.upstream.access).db.get(fixture.gate.upstream.names.registry)).update_seq).toEqual(
    before,
  );
  const { stdout } = await runImport(env, ['-', '--dry-run'], input);
  expect(stdout).toContain('1 would be imported');
  expect(stdout).toContain('nothing was written');
  expect(await importRows(env, ['-'], input)).toEqual(dry);
});

test('a database is read with all revisions of its conflicts', async () => {
  const names = Array.from({ length: 11 }, () => fixture.newName());
  const database = `older_${fixture.gate.upstream.names.suffix}`;
  const { access } = fixture.gate.upstream;
  await createOlderDatabase(access, database, names);
  const source = { ...env, SOURCE_USER: access.username, SOURCE_PASSWORD: access.password };
  const report = join(folder, 'report.ndjson');
  const { code, stdout, stderr } = await runImport(source, [`${access.url}/${database}`, '--report', report]);
  await connect(access).db.destroy(database);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('13 documents read: 11 imported, 0 already here, 0 skipped, 2 of no user.');
  expect(statSync(report).mode & 0o077).toBe(0);
  const rows = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ImportRow);
  expect(
    rows
      .filter(({ conflicts }) => conflicts === 1)
      .map(({ username }) => username)
      .sort(),
  ).toEqual([names[0], names[10]].sort());
  expect(rows.filter(({ status }) => status === 'ignored').map(({ source: id }) => id)).toEqual(['settings', 'todo_1']);
  expect(await read(names[0] ?? '')).toMatchObject({
    preferences: { theme: 'dark', viewMode: 'table' },
    edits: { viewMode: '2025-02-01T00:00:00.000Z-0000-0i000' },
  });
  expect(await read(names[1] ?? '')).not.toHaveProperty('preferences.viewMode');
});

test('a folder of files is read, with a mapping of the application, and each failure is a row', async () => {
  const [ada, bert] = [fixture.newName(), fixture.newName()];
  const files = join(folder, 'files');
  mkdirSync(files);
  writeFileSync(join(files, '1.json'), JSON.stringify({ login: ada, look: 'dark', changed: 1_700_000_000 }));
  writeFileSync(join(files, '2.json'), '{"login":');
  writeFileSync(join(files, '3.json'), JSON.stringify({ login: bert, fails: true }));
  writeFileSync(join(files, 'ignored.txt'), 'x');
  const map = join(folder, 'map.js');
  writeFileSync(
    map,
    'export default async ({ login, look, changed, fails }) => { if (fails) throw new Error("no"); return { username: login, preferences: { theme: look }, updatedAt: changed * 1000 }; };',
  );
  const rows = await importRows(env, [files, '--map', map]);
  expect(rows.map(({ source, status }) => [source, status]).sort()).toEqual([
    ['1.json', 'imported'],
    ['2.json', 'skipped'],
    ['3.json', 'skipped'],
  ]);
  expect(rows.find(({ source }) => source === '3.json')?.reason).toContain('the mapping failed: no');
  expect(await read(ada)).toMatchObject({ preferences: { theme: 'dark' }, updated_at: '2023-11-14T22:13:20.000Z' });
});

test('erased, deleted and unreadable users are skipped with the reason', async () => {
  const [erased, newer, external] = [await fixture.addUser(), await fixture.addUser(), fixture.newName()];
  await fixture.run(['erase', erased, '--yes']);
  const { _rev } = await read(newer);
  await registry().insert({ ...(await read(newer)), _rev, version: 7 } as never);
  await fixture.gate.request(external, '/_changes');
  const rows = await importRows(env, ['-'], toNdjson([erased, newer, external].map((name) => olderDocument(name, 3))));
  const reasonOf = (name: string) => rows.find(({ username }) => username === name)?.reason;
  expect(rows.map(({ status }) => status)).toEqual(['skipped', 'skipped', 'skipped']);
  expect(reasonOf(erased)).toContain('was erased');
  expect(reasonOf(newer)).toContain('version 7');
  expect(reasonOf(external)).toContain('has a document, but no account');
});

test('with an identity provider any subject is imported, without an account', async () => {
  const keys = { JWKS_URL: 'https://idp.example/keys', JWT_ISSUER: 'https://idp.example/', JWT_AUDIENCE: 'gate' };
  const provider = { ...env, JWT_SECRET: '', REGISTRATION: '', ...keys };
  const subject = `auth0|${fixture.newName()}`;
  const row = only(await importRows(provider, ['-'], toNdjson([{ ...olderDocument('x', 3), username: subject }])));
  expect(row).toMatchObject({ username: subject, status: 'imported', account: 'none' });
  expect(await read(subject.replace('|', '=7C'))).toMatchObject({ preferences: { theme: 'light' } });
});

test('two documents of one user become one, whatever their order', async () => {
  const [first, second] = [fixture.newName(), fixture.newName()];
  const pair = (username: string) => [
    { username, preferences: { theme: 'dark' }, updated_at: '2025-02-01' },
    { username, preferences: { theme: 'light', viewMode: 'graph' }, updated_at: '2025-01-01' },
  ];
  await importNumbers(env, ['-'], toNdjson(pair(first)));
  await importNumbers(env, ['-'], toNdjson(pair(second).reverse()));
  for (const name of [first, second]) {
    expect(await read(name)).toMatchObject({ preferences: { theme: 'dark', viewMode: 'graph' } });
    expect(String((await read(name))['_rev'])).toMatch(/^1-/);
  }
});

test('reports a wrong command line and sources that cannot be read, and never repeats credentials', async () => {
  const withPassword = await runImport(env, ['http://admin:hunter2@127.0.0.1:1/old']);
  expect([withPassword.code, withPassword.stderr]).toEqual([
    2,
    expect.stringContaining('Set SOURCE_USER and SOURCE_PASSWORD'),
  ]);
  expect(withPassword.stderr).not.toContain('hunter2');
  const { access } = fixture.gate.upstream;
  for (const [argv, code, excerpt] of [
    [[], 2, 'import <source>'],
    [['a', 'b'], 2, 'one source'],
    [['-', '--nonsense'], 2, '--nonsense'],
    [['http://127.0.0.1:1/'], 2, 'names no database'],
    [['http://127.0.0.1:1/old'], 1, 'no response'],
    [[`${access.url}/old`], 1, 'status 401'],
    [[join(folder, 'missing')], 1, 'neither a URL nor an existing file'],
    [['-', '--map', join(folder, 'missing.mjs')], 1, 'cannot be imported'],
    [['-', '--report', join(folder, 'missing', 'report')], 1, 'cannot be written'],
  ] as const) {
    const result = await runImport(env, argv, toNdjson([olderDocument('Never Imported', 1)]));
    expect([argv, result.code, result.stderr]).toEqual([argv, code, expect.stringContaining(excerpt)]);
  }
  expect((await runImport(env, ['--help'])).stdout).toContain('--dry-run');
});

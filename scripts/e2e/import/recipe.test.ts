import { pbkdf2Sync } from 'node:crypto';
import { userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { createUsersFixture, usersCommandEnv, type UsersFixture } from '../../../server/testing/run-users-command.ts';
import { supportsAllHashFunctions } from '../../../server/cli/import/password-hash.ts';
import { readServerInfo } from '../../../server/cli/server-info.ts';
import { openUpstream } from '../../../server/upstream/client.ts';
import { runCommandProcess } from '../testing/command-process.ts';
import { toNdjson } from './testing/run-import-command.ts';

/** docs/recipes/import-mapping.mjs, as docs/migrating.md describes it. */

let fixture: UsersFixture;
beforeAll(async () => {
  fixture = await createUsersFixture();
});
afterAll(() => fixture.gate.close());

test('the recipe imports preferences under other names, and passwords of Django', async () => {
  const [ada, bert] = [fixture.newName(), fixture.newName()];
  const key = pbkdf2Sync('correct horse', 'salt', 20, 32, 'sha256').toString('base64');
  const source = toNdjson([
    {
      login: ada,
      settings: { darkMode: true, tags: ['a'] },
      changedAt: '2025-03-01',
      passwordHash: `pbkdf2_sha256$20$salt$${key}`,
    },
    { login: bert, settings: { tags: 7 }, passwordHash: '$2b$12$abc' },
  ]);
  const argv = ['import', '-', '--map', 'docs/recipes/import-mapping.mjs'];
  const { code, stdout, stderr } = await runCommandProcess(argv, usersCommandEnv(fixture.gate.upstream), source);
  expect([code, stdout.split('\n')[0]]).toEqual([0, '2 documents read: 2 imported, 0 already here, 0 skipped.']);
  expect(stderr).toContain(`line 2 (${bert}): preferences.selectedTags is left out: it must be a list`);
  expect(stderr).toContain('the password hash is bcrypt, which CouchDB cannot check');
  const stored = await fixture.gate.registry().get(userDocumentId(ada));
  expect(stored).toMatchObject({ preferences: { theme: 'dark', selectedTags: ['a'] } });
  const upstream = openUpstream(fixture.gate.upstream.access);
  const { version } = await readServerInfo(upstream);
  await upstream.close();
  expect((await fixture.signIn(ada, 'correct horse')).status).toBe(supportsAllHashFunctions(version) ? 200 : 401);
});

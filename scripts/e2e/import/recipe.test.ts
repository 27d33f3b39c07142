import { spawn } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { createUsersFixture, usersCommandEnv, type UsersFixture } from '../../../server/testing/run-users-command.ts';
import { supportsAllHashFunctions } from '../../../server/cli/import/password-hash.ts';
import { readServerInfo } from '../../../server/cli/server-info.ts';
import { openUpstream } from '../../../server/upstream/client.ts';
import { toNdjson } from './testing/run-import-command.ts';

/** docs/recipes/import-mapping.mjs, as docs/migrating.md describes it. */

const ROOT = join(__dirname, '../../..');

let fixture: UsersFixture;
beforeAll(async () => {
  fixture = await createUsersFixture();
});
afterAll(() => fixture.gate.close());

async function runImport(
  argv: readonly string[],
  input: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/pouchgate.ts'), 'import', ...argv], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...usersCommandEnv(fixture.gate.upstream) },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

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
  const { code, stdout, stderr } = await runImport(['-', '--map', 'docs/recipes/import-mapping.mjs'], source);
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

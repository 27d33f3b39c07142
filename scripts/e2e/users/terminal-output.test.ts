import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createUsersFixture, usersCommandEnv, type UsersFixture } from '../../../server/testing/run-users-command.ts';
import { toNdjson } from '../import/testing/run-import-command.ts';

/** Whatever users and older databases have stored, no command of the CLI writes characters that control a terminal. */

const ROOT = join(__dirname, '../../..');
/** U+009B starts an escape sequence as `ESC [` does. U+202E overrides the direction of the rest of the line. */
const CONTROL = '\u009b31m\u202e\u001b[2J\u007f';

let fixture: UsersFixture;
let username: string;
beforeAll(async () => {
  fixture = await createUsersFixture();
  username = await fixture.addUser();
  const { gate } = fixture;
  await gate.request(username, '/_local/checkpoint', { method: 'PUT', body: { session_id: CONTROL, [CONTROL]: 1 } });
  const { accessToken } = (await (await fixture.signIn(username)).json()) as { accessToken: string };
  const patched = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    // A tag has no control characters, but may have others that a terminal must not get.
    body: JSON.stringify({ selectedTags: ['\u202etag'] }),
  });
  expect(patched.status).toBe(200);
});
afterAll(() => fixture.gate.close());

async function runCommand(argv: readonly string[], input: string): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/pouchgate.ts'), ...argv], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...usersCommandEnv(fixture.gate.upstream) },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  await once(child, 'close');
  return { stdout, stderr };
}

const document = () => ({ username, preferences: { theme: 'dark', [CONTROL]: true }, [CONTROL]: true });

test.each([
  ['users export', () => ['users', 'export', username], 'session_id'],
  ['users show', () => ['users', 'show', username], 'selectedTags'],
  ['users show --json', () => ['users', 'show', username, '--json'], 'selectedTags'],
  ['users with an invalid name', () => ['users', 'show', CONTROL], '31m'],
  ['import', () => ['import', '-'], '31m'],
  ['import with a report', () => ['import', '-', '--report', '-'], '31m'],
  ['doctor', () => ['doctor'], 'documents'],
  ['doctor --json', () => ['doctor', '--json'], 'documents'],
  ['an unknown command', () => [CONTROL], '31m'],
])('%s', async (_name, argv, expected) => {
  const { stdout, stderr } = await runCommand(argv(), toNdjson([document()]));
  const output = stdout + stderr;
  expect(output).toContain(expected);
  expect(output).not.toMatch(/[^\P{C}\n]/u);
});

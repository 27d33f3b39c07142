import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctorCommand } from '../../../server/cli/doctor/command.ts';
import { runImport } from '../import/testing/run-import-command.ts';
import { runCommandProcess, type CommandResult } from '../testing/command-process.ts';
import { startServerProcess } from '../testing/server-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';

/** The command as a process, with the embedded engine on the disk of a running or stopped server. */

const ROOT = join(__dirname, '../../..');
const PASSWORD = 'correct-horse-battery';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pouchgate-users-'));
});
afterEach(() => rm(directory, { recursive: true }));

const runUsersCommand = (argv: readonly string[], input?: string): Promise<CommandResult> =>
  runCommandProcess(['users', ...argv], { DATA_DIR: directory }, input);

test('beside a running server the command reports what to do, and works once the server is stopped', async () => {
  const withoutData = await runUsersCommand(['list']);
  expect([withoutData.code, withoutData.stderr]).toEqual([1, expect.stringContaining('start the server once')]);

  const port = String(await findFreePort());
  const server = await startServerProcess({ DATA_DIR: directory, PORT: port, DRAIN_SECONDS: '0' });
  const beside = await runUsersCommand(['add', 'alice', '--password-stdin'], PASSWORD);
  expect([beside.code, beside.stdout]).toEqual([1, '']);
  expect(beside.stderr).toContain('is in use by a running server');
  expect(beside.stderr).toContain('Stop the server, run this again, and restart the server');
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  await exited;

  expect(await runUsersCommand(['add', 'alice', '--password-stdin'], PASSWORD)).toEqual({
    code: 0,
    stdout: 'alice has an account, and can sign in.\n',
    stderr: '',
  });
  const again = await startServerProcess({ DATA_DIR: directory, PORT: port, DRAIN_SECONDS: '0' });
  const response = await fetch(`http://127.0.0.1:${port}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'alice', password: PASSWORD }),
  });
  expect(response.status).toBe(200);
  const exitedAgain = once(again, 'exit');
  again.kill('SIGTERM');
  await exitedAgain;

  const { stdout } = await runUsersCommand(['list', '--json']);
  const list = JSON.parse(stdout) as { users: { username: string; sessions: number }[] };
  expect(list.users.find(({ username }) => username === 'alice')).toMatchObject({ sessions: 1 });

  // The import and the doctor open the same data.
  const source = join(directory, 'source.ndjson');
  await writeFile(source, JSON.stringify({ username: 'bert', preferences: { theme: 'dark' }, password: PASSWORD }));
  const imported = await runImport({ DATA_DIR: directory }, [source]);
  expect([imported.code, imported.stdout]).toEqual([0, expect.stringContaining('1 imported')]);
  const lines: string[] = [];
  const print = (line: string) => lines.push(line);
  expect(await doctorCommand({ argv: [], env: { DATA_DIR: directory }, print, printError: print })).toBe(0);
  expect(lines.join('\n')).toMatch(/note +\d+ user documents were read\./);
});

test('a command whose output is not read to its end completes without an error, as in `users list | head`', async () => {
  const args = ['--import', 'tsx', join(ROOT, 'scripts', 'pouchgate.ts'), 'users', '--help'];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { PATH: process.env['PATH'] } });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, stderr]).toEqual([0, '']);
});

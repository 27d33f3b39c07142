import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerProcess } from '../testing/server-process.ts';
import { findFreePort } from '../../../server/testing/free-port.ts';

/** The command as a process, with an engine on the disk that a server has, or had. */

const ROOT = join(__dirname, '../../..');
const PASSWORD = 'correct-horse-battery';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pouchgate-users-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function runUsersCommand(
  argv: readonly string[],
  typed = '',
): Promise<{ code: number; said: string; complaints: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts', 'pouchgate.ts'), 'users', ...argv], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATA_DIR: directory },
  });
  let [said, complaints] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  child.stdin.end(typed);
  const [code] = (await once(child, 'close')) as [number];
  return { code, said, complaints };
}

test('beside a running server the command says what to do, and once that is stopped it does it', async () => {
  const nothing = await runUsersCommand(['list']);
  expect([nothing.code, nothing.complaints]).toEqual([1, expect.stringContaining('start the server once')]);

  const port = String(await findFreePort());
  const server = await startServerProcess({ DATA_DIR: directory, PORT: port, DRAIN_SECONDS: '0' });
  const beside = await runUsersCommand(['add', 'alice', '--password-stdin'], PASSWORD);
  expect([beside.code, beside.said]).toEqual([1, '']);
  expect(beside.complaints).toContain('is in use by a running server');
  expect(beside.complaints).toContain('stop the server, run this again, and start it');
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  await exited;

  expect(await runUsersCommand(['add', 'alice', '--password-stdin'], PASSWORD)).toEqual({
    code: 0,
    said: 'alice has an account, and may sign in.\n',
    complaints: '',
  });
  const again = await startServerProcess({ DATA_DIR: directory, PORT: port, DRAIN_SECONDS: '0' });
  const answer = await fetch(`http://127.0.0.1:${port}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'alice', password: PASSWORD }),
  });
  expect(answer.status).toBe(200);
  const gone = once(again, 'exit');
  again.kill('SIGTERM');
  await gone;

  const { said } = await runUsersCommand(['list', '--json']);
  const list = JSON.parse(said) as { users: { username: string; sessions: number }[] };
  expect(list.users.find(({ username }) => username === 'alice')).toMatchObject({ sessions: 1 });
});

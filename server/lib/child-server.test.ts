import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../testing/fake-couchdb.ts';
import { startChildServer } from './child-server.ts';

const program = join(__dirname, 'testing/child-program');

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('close resolves once the process has exited', async () => {
  const server = await startChildServer<number>({ program, args: ['serves'], name: 'The server' });
  expect(isRunning(server.started)).toBe(true);
  await server.close();
  expect(isRunning(server.started)).toBe(false);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a server that receives the %s of its parent serves until its parent closes it',
  async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), 'pouchgate-child-'));
    const file = join(directory, 'closed');
    const server = await startChildServer<number>({ program, args: ['serves', file], name: 'The server' });
    process.kill(server.started, signal);
    await server.close();
    expect(existsSync(file)).toBe(true);
    rmSync(directory, { recursive: true });
  },
);

test('a program that exits is reported with its standard error output', async () => {
  const start = startChildServer({ program, args: ['fails'], name: 'The server' });
  await expect(start).rejects.toThrow(/^The server did not start: process \d+ fails/);
});

test('a program that does not start in time is reported and killed', async () => {
  const start = startChildServer({ program, args: ['hangs'], name: 'The server', maxStartMs: 5_000 });
  const error: unknown = await start.catch((reason: unknown) => reason);
  expect(String(error)).toContain('The server did not start within 5 s.');
  const pid = Number(/process (\d+)/.exec(String(error))?.[1]);
  await eventually(() => !isRunning(pid));
});

test.each([
  ['exits', undefined],
  ['stays', 'SIGKILL'],
] as const)('a server does not outlive a process that %s without closing it', async (mode, signal) => {
  const args = ['--import', 'tsx', join(__dirname, 'testing/child-program-parent.ts'), mode];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(parent, 'exit');
  const [pid] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
  if (signal !== undefined) parent.kill(signal);
  // Without a signal the parent has nothing left to do: the server must not keep it alive.
  await exited;
  await eventually(() => !isRunning(Number(pid)));
});

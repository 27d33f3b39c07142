/** The server as a separate process, started as `npm start` does, for tests that kill it. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const ROOT = join(import.meta.dirname, '../../..');

/** Starts the real server with this environment and no variables of the tests. Resolves once it prints its URL. */
export async function startServerProcess(env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const { child, stdout } = spawnServer({ METRICS_PORT: 'off', LOG_LEVEL: 'silent', ...env });
  for await (const line of createInterface({ input: stdout })) if (line.includes('Pouchgate is at')) break;
  // Further output is discarded, so that a full pipe cannot block the server.
  stdout.resume();
  return child;
}

/** Spawns the server from its sources. It exits when this process does, and is killed at the end of the test file. */
export function spawnServer(env: Readonly<Record<string, string>>): { child: ChildProcess; stdout: Readable } {
  const preloads = ['--import', 'tsx', '--import', join(ROOT, 'scripts/start/exit-with-parent.mjs')];
  const child = spawn(process.execPath, [...preloads, join(ROOT, 'server/main.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // A process group of its own, which includes the embedded engine's process.
    detached: true,
    env: { PATH: process.env['PATH'], ...env },
  });
  closeAfterTests({ close: () => killServerProcess(child) });
  const { stdout } = child;
  if (stdout === null) throw new Error('The server has no standard output.');
  return { child, stdout };
}

/** Kills the server and its embedded engine with SIGKILL. Resolves once the server has exited. */
export async function killServerProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await exited;
}

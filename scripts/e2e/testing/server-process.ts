/** The server as a separate process, started as `npm start` does, for tests that kill it. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');

/** Starts the real server with this environment and no variables of the tests. Resolves once it prints its URL. */
export async function startServerProcess(env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'server', 'main.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], METRICS_PORT: 'off', LOG_LEVEL: 'silent', ...env },
  });
  closeAfterTests({ close: () => killServerProcess(child) });
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Pouchgate is at')) break;
  // Further output is discarded, so that a full pipe cannot block the server.
  child.stdout.resume();
  return child;
}

/** Kills the process with SIGKILL. Resolves once it has exited. */
export async function killServerProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

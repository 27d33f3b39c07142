/** The server as a process of its own, started as `npm start` does, for tests that kill it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '../../..');

/** A port that was free a moment ago: a server that is started again must come back on the same one. */
export async function findFreePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the real process with this environment and nothing of ours, and resolves when it says where it is. */
export async function startServerProcess(env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'server', 'main.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], METRICS_PORT: 'off', LOG_LEVEL: 'silent', ...env },
  });
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Pouchgate is at')) break;
  // Whatever else it says, nobody reads it.
  child.stdout.resume();
  return child;
}

/** As `kill -9`. Resolves when it is gone. */
export async function killServerProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

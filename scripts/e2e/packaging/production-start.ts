/** Starts and stops the server in production as docs/operations.md describes it: by the systemd unit, and from a checkout. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { readConfig } from '../../../server/config/config.ts';

/** The settings of the unit in a package. A name may occur more than once. */
function readUnit(packageDir: string): (name: string) => string[] {
  const lines = readFileSync(join(packageDir, 'dist/docs/operations/pouchgate.service'), 'utf8').split('\n');
  return (name) => lines.flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

/**
 * Runs the command of docs/operations/pouchgate.service with its environment, and `npm run start:production` in a checkout.
 *
 * @param packageDir - The unpacked package, with its dependencies.
 * @param checkout - A checkout whose packages are built.
 * @throws An `Error` if a server does not start, does not stop on SIGTERM, or stays on its port.
 */
export async function checkProductionStart(packageDir: string, checkout: string): Promise<void> {
  const setting = readUnit(packageDir);
  const [, program = '', args = ''] =
    /^\/usr\/bin\/node \/opt\/pouchgate\/node_modules\/pouchgate\/(\S+) (.*)$/.exec(setting('ExecStart')[0] ?? '') ??
    [];
  if (!existsSync(join(packageDir, program)))
    throw new Error(`The package has no ${program || 'command of ExecStart'}.`);
  const dataDirectory = mkdtempSync(join(tmpdir(), 'pouchgate-production-'));
  try {
    const env = {
      ...Object.fromEntries(setting('Environment').map((line) => line.split('=', 2) as [string, string])),
      DATA_DIR: dataDirectory,
    };
    const { drainSeconds } = readConfig(env);
    // docs/operations.md advises a lead time of ten seconds with several gates.
    if (!(Number(setting('TimeoutStopSec')[0]) > 10 + drainSeconds + 10))
      throw new Error('TimeoutStopSec is too short.');
    await startAndStop(checkout, process.execPath, [join(packageDir, program), ...args.split(' ')], env);
    await startAndStop(checkout, 'npm', ['run', 'start:production'], { ...env, HOME: process.env['HOME'] ?? '' });
  } finally {
    rmSync(dataDirectory, { recursive: true });
  }
}

async function startAndStop(
  cwd: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env, PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0' },
  });
  const killTimer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), MAX_WAIT_MS);
  const output: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  let url: string | undefined;
  // It ends when every process that shares the output has exited.
  for await (const line of createInterface({ input: child.stdout })) {
    output.push(line);
    url ??= /^Pouchgate is at (\S+)$/.exec(line)?.[1];
    // The last line of the start.
    if (line.startsWith('Sign in as ')) child.kill('SIGTERM');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(killTimer);
  const wasReachable = url !== undefined && child.signalCode !== 'SIGKILL';
  const isPortFree =
    url !== undefined &&
    (await fetch(url).then(
      () => false,
      () => true,
    ));
  if (!wasReachable || !isPortFree) throw new Error(`${command} ${args.join(' ')}\n${output.join('\n')}`);
}

/** Checks the `pouchgate` command of the packed package. It runs with Node alone, without the sources and their compiler. */
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';

interface CommandResult {
  readonly code: number;
  readonly output: string;
}

type Environment = Readonly<Record<string, string>>;

/** The environment of a fresh shell: only `PATH` is taken from this process. */
const BASE_ENV: Environment = { PATH: process.env['PATH'] ?? '' };

function run(command: string, args: readonly string[], env: Environment = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], { env: { ...BASE_ENV, ...env } }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, output: out + err }),
    );
  });
}

function expectResult(result: CommandResult, code: number, expectedText: string): void {
  if (result.code !== code || !result.output.includes(expectedText))
    throw new Error(
      `Expected exit code ${code} and ${JSON.stringify(expectedText)}, received ${result.code} and:\n${result.output}`,
    );
}

/**
 * Runs every subcommand against an embedded engine.
 *
 * @param packageDir the unpacked package, with its dependencies in `node_modules`
 * @throws when an exit code or an output differs
 */
export async function checkCli(packageDir: string): Promise<void> {
  const command = join(packageDir, 'dist/scripts/pouchgate.js');
  expectResult(await run(command, []), 0, 'pouchgate setup');
  expectResult(await run(command, ['dcotor']), 1, 'Unknown command "dcotor".');
  expectResult(await run(command, ['setup']), 1, 'COUCHDB_URL is missing');
  expectResult(await run(command, ['setup', '--help']), 0, '--dry-run');
  expectResult(await run(command, ['import', '--help']), 0, '--dry-run');
  expectResult(await run(command, ['attack', '--help']), 0, '--i-operate-this-server');
  expectResult(await run(command, ['attack', 'https://example.org']), 2, 'example.org is not this machine.');
  expectResult(await run(command, ['import', 'missing.ndjson']), 1, 'neither a URL nor an existing file');
  const engine = await startMemoryEngine();
  try {
    const { url, username, password } = engine.access;
    const admin = { COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password };
    const first = await run(command, ['setup', '--new-secret'], admin);
    expectResult(first, 0, 'cannot be shown again');
    expectResult(await run(command, ['setup'], admin), 0, 'Nothing had to be changed.');
    const lines = [...first.output.matchAll(/^([A-Z_]+)=(.*)$/gm)];
    const printed: Environment = Object.fromEntries(lines.map(([, key = '', value = '']) => [key, value]));
    const env = { ...printed, JWT_SECRET: 'a secret for tests, and for nothing else at all' };
    expectResult(await run(command, ['doctor'], env), 0, 'No problems found.');
    await checkUsersCommand(command, env);
    await checkServerStarts(command, env);
  } finally {
    await engine.close();
  }
}

/** Runs `users` with only the environment that `setup` printed. */
async function checkUsersCommand(command: string, env: Environment): Promise<void> {
  expectResult(await run(command, ['users', 'dance'], env), 2, 'Unknown command "dance"');
  expectResult(await run(command, ['users', 'list', '--json'], env), 0, '"users": []');
  expectResult(await run(command, ['users', 'suspend', 'alice', '--unseen'], env), 0, 'alice is suspended');
  expectResult(await run(command, ['users', 'list', '--json'], env), 0, '"state": "suspended"');
}

const MAX_START_MS = MAX_WAIT_MS;

/** Starts the server as the service account and stops it with SIGTERM. */
async function checkServerStarts(command: string, env: Environment): Promise<void> {
  const serverEnv = { PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0', LOG_LEVEL: 'error' };
  const child = spawn(process.execPath, [command, 'start'], {
    env: { ...BASE_ENV, ...env, ...serverEnv },
    cwd: tmpdir(),
  });
  const killTimer = setTimeout(() => child.kill('SIGKILL'), MAX_START_MS);
  const output: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      output.push(line);
      if (line.startsWith('Pouchgate is at ')) child.kill('SIGTERM');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const { exitCode } = child;
    if (exitCode !== 0 || !output.join('\n').includes('Pouchgate is at'))
      throw new Error(`The server exited with ${exitCode ?? 'a signal'}:\n${output.join('\n')}`);
  } finally {
    clearTimeout(killTimer);
  }
}

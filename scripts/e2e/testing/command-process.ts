import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

/** What a command has printed, and its exit code. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the command `pouchgate` from its sources, in a separate process without the variables of the tests.
 *
 * @param argv - The arguments, for example `['users', 'list']`.
 * @param env - The environment, to which `PATH` is added.
 * @param input - The standard input.
 */
export async function runCommandProcess(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/pouchgate.ts'), ...argv], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

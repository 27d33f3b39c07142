import { spawnSync } from 'node:child_process';

/** The result of a command. */
export interface CheckResult {
  readonly exitCode: number | null;
  /** Standard output and standard error. */
  readonly output: string;
}

/** Runs a program that checks a file, without a shell. `input` is its standard input. */
export function runCheck(program: string, args: readonly string[], input = ''): CheckResult {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { exitCode: status, output: stdout + stderr };
}

const isInstalled = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** The `test` of Jest if a program is installed, and otherwise `test.skip`, so that skipped tests are counted. */
export const testWith = (program: string): jest.It => (isInstalled(program) ? test : test.skip);

import { Readable } from 'node:stream';
import { importCommand } from '../../../../server/cli/import/command.ts';
import type { ImportRow, ImportSummary } from '../../../../server/cli/import/report.ts';

export interface ImportResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Env = Readonly<Record<string, string>>;

/** Runs the command in this process. */
export async function runImport(env: Env, argv: readonly string[], input = ''): Promise<ImportResult> {
  const [outputLines, errorLines]: [string[], string[]] = [[], []];
  const code = await importCommand({
    argv,
    env,
    input: Readable.from([Buffer.from(input)]),
    print: (line) => outputLines.push(line),
    printError: (line) => errorLines.push(line),
  });
  return { code, stdout: outputLines.join('\n'), stderr: errorLines.join('\n') };
}

/** Runs the command with a report on standard output. */
export async function importRows(env: Env, argv: readonly string[], input?: string): Promise<ImportRow[]> {
  const { stdout, stderr } = await runImport(env, [...argv, '--report', '-'], input);
  if (stdout === '') throw new Error(stderr);
  return stdout.split('\n').map((line) => JSON.parse(line) as ImportRow);
}

/** Runs the command, and resolves with the numbers. */
export async function importNumbers(env: Env, argv: readonly string[], input?: string): Promise<ImportSummary> {
  const { stdout, stderr } = await runImport(env, [...argv, '--json'], input);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as ImportSummary;
}

/** Documents as the lines of a file. */
export const toNdjson = (documents: readonly object[]): string =>
  documents.map((document) => JSON.stringify(document)).join('\n');

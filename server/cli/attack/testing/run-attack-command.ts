import { PassThrough } from 'node:stream';
import { attackCommand } from '../command.ts';
import type { AttackReport } from '../report.ts';

/** The result of the command, run in this process as `npm run attack` does. */
export interface AttackCommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The value that `--json` printed; undefined if there is none. */
  readonly report: AttackReport | undefined;
}

export interface RunAttackOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly input?: string;
  readonly signal?: AbortSignal;
}

/** Runs `pouchgate attack`. */
export async function runAttackCommand(
  argv: readonly string[],
  { env = {}, input = '', signal = new AbortController().signal }: RunAttackOptions = {},
): Promise<AttackCommandResult> {
  const [outputLines, errorLines]: [string[], string[]] = [[], []];
  const stdin = new PassThrough();
  stdin.end(input);
  const code = await attackCommand({
    argv,
    env,
    signal,
    print: (line) => outputLines.push(line),
    printError: (line) => errorLines.push(line),
    terminal: { input: stdin, output: new PassThrough() },
  });
  const stdout = outputLines.join('\n');
  const report = stdout.startsWith('{') ? (JSON.parse(stdout) as AttackReport) : undefined;
  return { code, stdout, stderr: errorLines.join('\n'), report };
}

/** The findings of a report, as `group: request: observation`. */
export const findingsOf = (report: AttackReport | undefined): readonly string[] =>
  (report?.results ?? []).flatMap(({ group, findings }) =>
    findings.map(({ request, observation }) => `${group}: ${request}: ${observation}`),
  );

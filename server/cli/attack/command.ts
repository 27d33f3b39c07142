import type { CommandOptions } from '../types.ts';
import { describeError } from '../command-error.ts';
import { printableJson } from '../printable-json.ts';
import { escapeControlCharacters } from '../table.ts';
import type { Terminal } from '../users/terminal.ts';
import { ATTACK_HELP } from './help.ts';
import { parseAttackOptions, type AttackOptions } from './parse-options.ts';
import { countFindings, formatReport } from './report.ts';
import { runAttack } from './run-attack.ts';

export interface AttackCommandOptions extends CommandOptions {
  readonly terminal: Terminal;
  /** Aborts when the person interrupts the command. The users' documents are still restored. */
  readonly signal: AbortSignal;
}

/** `pouchgate attack`. Prints everything, also errors, and resolves with the exit code. */
export async function attackCommand(options: AttackCommandOptions): Promise<number> {
  const { argv, print, printError } = options;
  try {
    const parsed = parseAttackOptions(argv);
    if (parsed === 'help') {
      print(ATTACK_HELP);
      return 0;
    }
    return await run(parsed, options);
  } catch (error) {
    printError(describeError(error).split('\n').map(escapeControlCharacters).join('\n'));
    return 2;
  }
}

async function run(parsed: AttackOptions, options: AttackCommandOptions): Promise<number> {
  const { print, printError } = options;
  const { report, isInterrupted } = await runAttack(parsed, options);
  if (parsed.json) print(printableJson(report));
  else for (const line of formatReport(report)) print(line);
  if (isInterrupted) printError('The attack was interrupted. It is incomplete.');
  if (countFindings(report) > 0) return 1;
  return isInterrupted ? 2 : 0;
}

import { readCommandConfig } from '../read-command-config.ts';
import type { CommandOptions } from '../types.ts';
import { describeError, UsageError } from '../command-error.ts';
import { openDeployment } from '../deployment.ts';
import { USERS_HELP } from './help.ts';
import { parseUsersOptions } from './parse-options.ts';
import { printableJson } from '../printable-json.ts';
import { runRequest } from './run-request.ts';
import { escapeControlCharacters } from '../table.ts';
import type { Terminal } from './terminal.ts';

export interface UsersCommandOptions extends CommandOptions {
  readonly terminal: Terminal;
  /** Waits for requests that gates may still be handling when a user is erased. Default: 20 s in front of a CouchDB. */
  readonly waitForGates?: () => Promise<void>;
}

/** `pouchgate users`. Prints everything, also errors, and resolves with the exit code. */
export async function usersCommand(options: UsersCommandOptions): Promise<number> {
  const { argv, env, print, printError } = options;
  try {
    const parsed = parseUsersOptions(argv);
    if (parsed === 'help') {
      print(USERS_HELP);
      return 0;
    }
    const deployment = await openDeployment(readCommandConfig(env), env);
    try {
      const progress = parsed.json ? () => undefined : printError;
      const {
        json,
        lines,
        notes = [],
        failed = false,
      } = await runRequest(parsed.request, {
        deployment,
        progress,
        terminal: options.terminal,
        waitForGates: options.waitForGates,
      });
      if (parsed.json) print(printableJson(json));
      else for (const line of lines) print(line);
      for (const note of notes) printError(note);
      return failed ? 1 : 0;
    } finally {
      await deployment.close();
    }
  } catch (error) {
    // Line by line, because an error may quote what a user wrote.
    printError(describeError(error).split('\n').map(escapeControlCharacters).join('\n'));
    return error instanceof UsageError ? 2 : 1;
  }
}

import { parseArgs } from 'node:util';
import { ConfigError } from './config.ts';

/** The help of `pouchgate start`. */
export const START_HELP = `pouchgate start [--workers <n>]

Starts the server. Environment variables configure it (docs/configuration.md).
  --workers <n>   runs it in n processes that share the port, like WORKERS=n`;

/**
 * Parses the flags of `pouchgate start` and `npm start`.
 *
 * @param argv - The arguments after the command.
 * @returns The environment variables that the flags set, or `help`.
 * @throws ConfigError for an unknown flag.
 */
export function parseStartFlags(argv: readonly string[]): Readonly<Record<string, string>> | 'help' {
  try {
    const options = { workers: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { workers, help } = parseArgs({ args: [...argv], options, allowPositionals: false }).values;
    if (help === true) return 'help';
    return workers === undefined ? {} : { WORKERS: workers };
  } catch (error) {
    throw new ConfigError([`${error instanceof Error ? error.message : String(error)}.`, START_HELP]);
  }
}

/** Sets the environment variables of the flags. For `--help` and for an unknown flag it prints the help, and exits. */
export function applyStartFlags(argv: readonly string[]): void {
  try {
    const flags = parseStartFlags(argv);
    if (flags !== 'help') {
      Object.assign(process.env, flags);
      return;
    }
    console.log(START_HELP);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
  process.exit(0);
}

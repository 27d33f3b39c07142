import { parseArgs } from 'node:util';
import { errorMessage } from '../../upstream/setup-error.ts';
import { UsageError } from '../command-error.ts';

/** The parsed command line. */
export interface ImportCommandLine {
  /** A URL, a folder, a file, or `-`. */
  readonly source: string;
  readonly map: string | undefined;
  readonly report: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  map: { type: 'string' },
  report: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/**
 * @returns `help` if only the help text is requested.
 * @throws {UsageError} Its message does not repeat the source, which may contain credentials by mistake.
 */
export function parseImportOptions(argv: readonly string[]): ImportCommandLine | 'help' {
  const { values, positionals } = parseArguments(argv);
  if (values.help) return 'help';
  const [source, ...others] = positionals;
  if (source === undefined || others.length > 0) throw new UsageError('Use "import <source>", with one source.');
  if (values.json && values.report === '-') throw new UsageError('Use either --json or --report -, not both.');
  const { map, report, json, 'dry-run': dryRun } = values;
  return { source, map, report, dryRun, json };
}

function parseArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorMessage(error).replace(/=[^']*/g, '=…'));
  }
}

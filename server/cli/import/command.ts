import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { once } from 'node:events';
import { supportsAllHashFunctions } from './password-hash.ts';
import { readCommandConfig } from '../read-command-config.ts';
import type { CommandOptions } from '../types.ts';
import { CommandError, describeError, UsageError } from '../command-error.ts';
import { openDeployment } from '../deployment.ts';
import { printableJson } from '../printable-json.ts';
import { escapeControlCharacters } from '../table.ts';
import { IMPORT_HELP } from './help.ts';
import { loadMapping } from './mapping.ts';
import { openSource } from './open-source.ts';
import { parseImportOptions, type ImportCommandLine } from './parse-options.ts';
import { formatRow, formatSummary, ImportCounter, type ImportRow, type ImportSummary } from './report.ts';
import { runImport } from './run-import.ts';

export interface ImportCommandOptions extends CommandOptions {
  /** Standard input, for the source `-`. */
  readonly input: Readable;
}

/** `pouchgate import`. Prints everything, also errors, and resolves with the exit code. */
export async function importCommand(options: ImportCommandOptions): Promise<number> {
  const { argv, print, printError } = options;
  try {
    const commandLine = parseImportOptions(argv);
    if (commandLine === 'help') {
      print(IMPORT_HELP);
      return 0;
    }
    const summary = await importAll(commandLine, options);
    if (commandLine.json) print(printableJson(summary));
    // The report has standard output for itself.
    else for (const line of formatSummary(summary)) (commandLine.report === '-' ? printError : print)(line);
    return summary.skipped === 0 ? 0 : 1;
  } catch (error) {
    printError(describeError(error).split('\n').map(escapeControlCharacters).join('\n'));
    if (!(error instanceof UsageError)) printError('What was imported stays. Run this again to continue.');
    return error instanceof UsageError ? 2 : 1;
  }
}

async function importAll(commandLine: ImportCommandLine, options: ImportCommandOptions): Promise<ImportSummary> {
  const { env, input, print, printError } = options;
  const { dryRun, report } = commandLine;
  const mapping = await loadMapping(commandLine.map);
  const source = await openSource(commandLine.source, env, input);
  const deployment = await openDeployment(readCommandConfig(env), env).catch(async (error: unknown) => {
    await source.close();
    throw error;
  });
  const counter = new ImportCounter(dryRun);
  let file: ReportFile | undefined;
  const onRow = async (row: ImportRow): Promise<void> => {
    counter.add(row);
    if (file !== undefined) await file.write(row);
    else if (report === '-') print(printableJson(row, 0));
    else for (const line of formatRow(row)) printError(escapeControlCharacters(line));
  };
  const { rules, hasPasswordSignIn, couchVersion } = deployment;
  const mappingRules = {
    schema: rules.schema,
    idOf: rules.idOf,
    hasPasswordSignIn,
    supportsAllFunctions: supportsAllHashFunctions(couchVersion),
    now: deployment.upstream.clock.now(),
  };
  try {
    if (report !== undefined && report !== '-') file = await openReport(report);
    const target = { deployment, dryRun };
    await runImport({ documents: source.documents, mapping, mappingRules, target, onRow });
  } finally {
    await source.close();
    await deployment.close();
    await file?.close();
  }
  return counter.summary;
}

interface ReportFile {
  /** Resolves when the file can take another row. */
  write(row: ImportRow): Promise<void>;
  close(): Promise<void>;
}

/** Creates the file, or replaces the report of an earlier import. Only its owner can read it. Rejects with a CommandError. */
async function openReport(path: string): Promise<ReportFile> {
  const stream = createWriteStream(path, { mode: 0o600 });
  const failed = new Promise<never>((_resolve, reject) => {
    stream.on('error', (error) => reject(new CommandError(`The report cannot be written: ${error.message}.`)));
  });
  // Without a write in progress the next one rejects.
  failed.catch(() => undefined);
  await Promise.race([failed, once(stream, 'open')]);
  return {
    async write(row) {
      const isFull = !stream.write(`${printableJson(row, 0)}\n`);
      if (isFull) await Promise.race([failed, once(stream, 'drain')]);
    },
    async close() {
      stream.end();
      await Promise.race([failed, once(stream, 'close')]);
    },
  };
}

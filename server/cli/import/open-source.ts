import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { CommandOptions } from '../types.ts';
import { CommandError } from '../command-error.ts';
import type { Source } from './source.ts';
import { openDatabaseSource } from './sources/couchdb.ts';
import { readFolder, readNdjson, readNdjsonFile } from './sources/files.ts';

const fromFiles = (documents: Source['documents']): Source => ({ documents, close: () => Promise.resolve() });

/** Opens the source that the command line names. Throws an error for the operator if it does not exist. */
export async function openSource(name: string, env: CommandOptions['env'], input: Readable): Promise<Source> {
  if (name === '-') return fromFiles(readNdjson(input));
  if (/^https?:\/\//i.test(name)) return openDatabaseSource(name, env);
  const found = await stat(name).catch(() => undefined);
  if (found === undefined) throw new CommandError('The source is neither a URL nor an existing file or folder.');
  return fromFiles(found.isDirectory() ? readFolder(name) : readNdjsonFile(name));
}

import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isObject, parseJson, type JsonObject } from '../../../lib/json.ts';
import { errorMessage } from '../../../upstream/setup-error.ts';
import { readLines } from '../../read-lines.ts';
import { CommandError } from '../../command-error.ts';
import type { SourceDocument } from '../source.ts';

/** In bytes. CouchDB's own limit of a document is 8 MB. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Reads a JSON document from each line. */
export async function* readNdjson(stream: Readable): AsyncGenerator<SourceDocument> {
  try {
    for await (const { number, text } of readLines(stream)) {
      yield { name: `line ${number}`, leaves: parseDocument(text) };
    }
  } catch (error) {
    throw new CommandError(`The source cannot be read: ${errorMessage(error)}.`);
  }
}

export const readNdjsonFile = (path: string): AsyncGenerator<SourceDocument> => readNdjson(createReadStream(path));

/** Reads a JSON document from each file of a folder whose name ends in `.json`, in the order of the names. */
export async function* readFolder(folder: string): AsyncGenerator<SourceDocument> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  for (const name of names.sort()) yield { name, leaves: await readFile(join(folder, name)) };
}

async function readFile(path: string): Promise<SourceDocument['leaves']> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > MAX_FILE_BYTES) return `has more than ${MAX_FILE_BYTES} bytes`;
      return parseDocument(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    return `cannot be read: ${errorMessage(error)}`;
  }
}

function parseDocument(text: string): readonly [JsonObject] | string {
  const value = parseJson(text);
  return isObject(value) ? [value] : 'is not a JSON object';
}

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { newUserDocument, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { NewAccountResult } from '../../identity/accounts/register-many.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { writeRows } from '../../upstream/write-rows.ts';
import { inBatches, readLines, type TextLine } from '../read-lines.ts';
import { CommandError } from '../command-error.ts';
import type { Deployment } from '../deployment.ts';
import { parseCredentials, type InvalidLine, type NewCredentials } from './parse-credentials.ts';

/** The result for one line of the file. */
export interface AddedLine {
  readonly line: number;
  readonly username: string | null;
  readonly status: 'added' | 'exists' | 'refused';
  /** A sentence; null unless the line is refused. */
  readonly reason: string | null;
}

/** The output of `add --from --json`. */
export interface AddManyResult {
  readonly added: number;
  readonly exists: number;
  readonly refused: number;
  readonly lines: readonly AddedLine[];
}

const BATCH_SIZE = 100;

/**
 * Creates an account and a document for each line. Existing accounts stay as they are, so the command can be run again after an
 * interruption.
 *
 * @param file A path, or `-` for `input`.
 * @param report Called with a sentence about each line as soon as the line is processed.
 * @throws {CommandError} If the file cannot be read.
 */
export async function addMany(
  deployment: Deployment,
  {
    file,
    input,
    report,
  }: { readonly file: string; readonly input: Readable; readonly report: (sentence: string) => void },
): Promise<AddManyResult> {
  const lines: AddedLine[] = [];
  try {
    const stream = file === '-' ? input : createReadStream(file);
    for await (const batch of inBatches(readLines(stream), BATCH_SIZE)) {
      const results = await addBatch(deployment, batch);
      for (const each of results) report(formatAddedLine(each));
      lines.push(...results);
    }
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw new CommandError(`The file cannot be read: ${errorMessage(error)}.`);
  }
  const count = (status: AddedLine['status']): number => lines.filter((each) => each.status === status).length;
  return { added: count('added'), exists: count('exists'), refused: count('refused'), lines };
}

/** An error of the file system, or of `readLines`. Not by instanceof: the error may be of another realm. */
const isFileError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && ('syscall' in error || errorMessage(error) === 'line too long');

type ParsedLine = { readonly number: number; readonly parsed: NewCredentials | InvalidLine };

async function addBatch(deployment: Deployment, batch: readonly TextLine[]): Promise<AddedLine[]> {
  const parsed = batch.flatMap(({ number, text }): ParsedLine[] => {
    const credentials = parseCredentials(text);
    return credentials === undefined ? [] : [{ number, parsed: credentials }];
  });
  // The first line of a name counts.
  const requests = new Map<Username, NewCredentials>();
  for (const { parsed: line } of parsed)
    if ('password' in line && !requests.has(line.username)) requests.set(line.username, line);
  const accounts = [...requests.values()].map(({ username, password }) => ({ username, secret: { password } }));
  const results = await deployment.accounts.registerMany(accounts);
  await createDocuments(
    deployment,
    [...results].flatMap(([username, { kind }]) => (kind === 'created' || kind === 'exists' ? [username] : [])),
  );
  return parsed.map(({ number, parsed: line }) => toAddedLine(number, line, requests, results));
}

function toAddedLine(
  line: number,
  parsed: NewCredentials | InvalidLine,
  requests: ReadonlyMap<Username, NewCredentials>,
  results: ReadonlyMap<Username, NewAccountResult>,
): AddedLine {
  const { username = null } = parsed;
  if (!('password' in parsed)) return { line, username, status: 'refused', reason: parsed.reason };
  const result = results.get(parsed.username);
  switch (result?.kind) {
    case 'created':
      return requests.get(parsed.username) === parsed
        ? { line, username, status: 'added', reason: null }
        : { line, username, status: 'exists', reason: null };
    case 'exists':
      return { line, username, status: 'exists', reason: null };
    case 'refused':
      return { line, username, status: 'refused', reason: `The name ${result.reason}.` };
    case 'reserved':
    case undefined:
      return {
        line,
        username,
        status: 'refused',
        reason: 'The name is being registered. Run this again in half a minute.',
      };
  }
}

/** An account whose document could not be created gets it at the first sign-in, or when this runs again. */
async function createDocuments(
  { upstream, registry, rules }: Deployment,
  usernames: readonly Username[],
): Promise<void> {
  const now = new Date(upstream.clock.now());
  const documents = usernames.map((username) => newUserDocument(username, now, rules.idOf(username)));
  // A document that exists is a conflict, and stays as it is.
  await writeRows(upstream.couch, registry, documents);
}

const formatAddedLine = ({ line, username, status, reason }: AddedLine): string => {
  const name = username === null ? '' : ` ${username}`;
  switch (status) {
    case 'added':
      return `line ${line}:${name} is added.`;
    case 'exists':
      return `line ${line}:${name} has an account already, which is unchanged.`;
    case 'refused':
      return `line ${line}:${name} is refused. ${reason ?? ''}`;
  }
};

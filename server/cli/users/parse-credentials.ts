import { credentialsSchema } from '../../contract.ts';
import { isObject, parseJson } from '../../lib/json.ts';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';

/** A name and a password for a new account. */
export interface NewCredentials {
  readonly username: Username;
  readonly password: string;
}

/** A line that cannot be used. The reason is a sentence, which contains no password. */
export interface InvalidLine {
  /** If it can be read. */
  readonly username: string | undefined;
  readonly reason: string;
}

/**
 * Parses a line with a name and a password: CSV (RFC 4180), or JSON with the members `username` and `password`.
 *
 * @returns Undefined for the header of a CSV file.
 */
export function parseCredentials(line: string): NewCredentials | InvalidLine | undefined {
  if (/^\s*"?username"?\s*,\s*"?password"?\s*$/i.test(line)) return undefined;
  const [name, password] = line.trimStart().startsWith('{') ? parseJsonLine(line) : (parseCsvLine(line) ?? []);
  if (typeof name !== 'string' || typeof password !== 'string') {
    return {
      username: undefined,
      reason: 'The line is neither CSV of a name and a password, nor JSON with username and password.',
    };
  }
  const username = parseUsername(name);
  if (username === undefined) {
    return {
      username: name,
      reason: 'The name is not 1 to 64 lower-case letters, digits and _.@+-, starting with a letter or digit.',
    };
  }
  const parsed = credentialsSchema.safeParse({ username, password });
  return parsed.success
    ? { username, password }
    : { username, reason: parsed.error.issues[0]?.message ?? 'The password is invalid.' };
}

function parseJsonLine(line: string): readonly unknown[] {
  const value = parseJson(line);
  return isObject(value) ? [value['username'], value['password']] : [];
}

/** Two fields: in quotes, where two quotes stand for one, or without quotes and commas. */
const CSV_LINE = /^(?:"((?:[^"]|"")*)"|((?!")[^,]*)),(?:"((?:[^"]|"")*)"|((?!")[^,]*))$/;

/** Returns the two fields; undefined if there are more or fewer, or a quote is not closed. */
function parseCsvLine(line: string): readonly string[] | undefined {
  const match = CSV_LINE.exec(line);
  if (match === null) return undefined;
  const [, quotedName, name = '', quotedPassword, password = ''] = match;
  return [quotedName?.replaceAll('""', '"') ?? name, quotedPassword?.replaceAll('""', '"') ?? password];
}

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getProperty, getString, isObject, type JsonObject } from '../../lib/json.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { CommandError } from '../command-error.ts';

/**
 * Returns what the import takes from one document of the source, or undefined for a document that belongs to no user. The result
 * is checked (mapped-user.ts), so a mapping need not be exact.
 */
export type Mapping = (source: JsonObject) => unknown;

/** The prefixes of ids that the default mapping removes to get a name. */
const ID_PREFIXES: readonly string[] = ['user_', 'user:', 'org.couchdb.user:'];

/**
 * The mapping of documents like `{ _id, username, preferences, password_hash, … }` and `user_<name>`. It copies the preferences, the
 * times and the credentials, and nothing else.
 */
export const defaultMapping: Mapping = (source) => {
  const username = nameOf(source);
  if (username === undefined) return undefined;
  const has = (name: string): boolean => Object.hasOwn(source, name);
  const { preferences = {}, password } = source;
  return {
    username,
    preferences,
    createdAt: source['created_at'] ?? source['createdAt'],
    updatedAt: source['updated_at'] ?? source['updatedAt'],
    password,
    account: has('derived_key') ? source : (source['password_hash'] ?? source['passwordHash']),
  };
};

function nameOf(source: JsonObject): string | undefined {
  const id = getString(source, '_id') ?? '';
  const prefix = ID_PREFIXES.find((each) => id.startsWith(each));
  const fromId = prefix === undefined ? undefined : id.slice(prefix.length);
  const name = getString(source, 'username') ?? fromId;
  // Without preferences or an id of a user it is any document that has a member `username`.
  return fromId === undefined && !isObject(source['preferences']) ? undefined : name;
}

/**
 * Loads a mapping module.
 *
 * @param path An ES module whose default export is a function. Default: the default mapping.
 * @throws {CommandError} If the module cannot be imported, or exports no function.
 */
export async function loadMapping(path: string | undefined): Promise<Mapping> {
  if (path === undefined) return defaultMapping;
  const imported: unknown = await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new CommandError(`--map ${path} cannot be imported: ${errorMessage(error)}`);
  });
  const exported = getProperty(imported, 'default');
  if (typeof exported === 'function') return exported as Mapping;
  throw new CommandError(`--map ${path} has no function as its default export.`);
}

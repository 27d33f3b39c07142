/** The local PouchDB: how it is typed, named and opened. */
/// <reference types="pouchdb-core" preserve="true" />
import PouchDB from 'pouchdb-browser';

export type StoredBody = Record<string, unknown>;
export type Database = PouchDB.Database<StoredBody>;
export type OpenDatabase = (name: string) => Database;

/** Every user has a database of their own in the browser: what one has stored is never read for another. */
export const databaseName = (namespace: string, username: string): string => `${namespace}_${username}`;

/**
 * IndexedDB, as pouchdb-browser has it. Old revisions' bodies are of no use here (replication sends leaves only), so
 * they are compacted away as they are replaced.
 */
export const openBrowserDatabase: OpenDatabase = (name) => new PouchDB<StoredBody>(name, { auto_compaction: true });

/** The database on the server. `fetch` carries the token, so that the URL never does. */
export const openRemoteDatabase = (url: string, fetch: typeof globalThis.fetch): Database =>
  new PouchDB<StoredBody>(url, { skip_setup: true, fetch });

/** What PouchDB rejects with. */
interface DatabaseError {
  readonly status?: number;
  readonly reason?: string;
  readonly message?: string;
}

export const statusOf = (error: unknown): number | undefined => (error as DatabaseError | undefined)?.status;

/** Why it failed, as a sentence for a person, more or less. */
export const reasonOf = (error: unknown): string => {
  const { reason, message } = Object(error) as DatabaseError;
  return reason ?? String(message);
};

/** What `task` gives, or `instead` when the database answers with `status`. */
export const fallbackOnStatus = async <T, U>(status: number, fallback: U, task: Promise<T>): Promise<T | U> => {
  try {
    return await task;
  } catch (error) {
    if (statusOf(error) === status) return fallback;
    throw error;
  }
};

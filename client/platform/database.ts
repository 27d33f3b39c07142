/** The local and the remote PouchDB: types, names, opening, and errors. */
/// <reference types="pouchdb-core" preserve="true" />
import PouchDB from 'pouchdb-browser';

/** The body of a stored document, before it is validated. */
export type StoredBody = Record<string, unknown>;
/** A PouchDB database of user documents. */
export type Database = PouchDB.Database<StoredBody>;
/** Opens the local database of this name. Opening one name twice must give the same data. */
export type OpenDatabase = (name: string) => Database;

/** Each user has their own database in the browser, so that stored data is never read for another user. */
export const databaseName = (namespace: string, username: string): string => `${namespace}_${username}`;

/**
 * Opens a database in IndexedDB. It compacts old revisions' bodies when they are replaced: replication sends only leaves.
 */
export const openBrowserDatabase: OpenDatabase = (name) => new PouchDB<StoredBody>(name, { auto_compaction: true });

/** Opens the database on the server. `fetch` adds the token, so that it is never in the URL. */
export const openRemoteDatabase = (url: string, fetch: typeof globalThis.fetch): Database =>
  new PouchDB<StoredBody>(url, { skip_setup: true, fetch });

/** The members of PouchDB's errors that are used here. */
interface DatabaseError {
  readonly status?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** The HTTP status of a PouchDB error; undefined for other errors. */
export const statusOf = (error: unknown): number | undefined => (error as DatabaseError | undefined)?.status;

/** The reason of a PouchDB error, for a person; the message of other errors. */
export const reasonOf = (error: unknown): string => {
  const { reason, message } = Object(error) as DatabaseError;
  return reason ?? String(message);
};

/** Resolves with the task's result, or with `fallback` when the database rejects with `status`. */
export const fallbackOnStatus = async <T, U>(status: number, fallback: U, task: Promise<T>): Promise<T | U> => {
  try {
    return await task;
  } catch (error) {
    if (statusOf(error) === status) return fallback;
    throw error;
  }
};

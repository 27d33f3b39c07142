/** The local and the remote PouchDB: types, names, opening, and errors. */
/// <reference types="pouchdb-core" preserve="true" />

/** The body of a stored document, before it is validated. */
export type StoredBody = Record<string, unknown>;
/** A PouchDB database of user documents. */
export type Database = PouchDB.Database<StoredBody>;
/**
 * Opens the local database of this name, synchronously or asynchronously. Opening one name twice must give the same data. Its
 * PouchDB needs the adapter for HTTP and the replication, which `pouchdb` and `pouchdb-browser` have.
 */
export type OpenDatabase = (name: string) => Database | PromiseLike<Database>;

/** Each user has their own database in the browser, so that stored data is never read for another user. */
export const databaseName = (namespace: string, username: string): string => `${namespace}_${username}`;

/** Imports PouchDB when a database is opened, because its import throws outside a browser. */
export const importPouchDB = async (): Promise<PouchDB.Static> => (await import('pouchdb-browser')).default;

/**
 * How many revisions of a branch a local database keeps. PouchDB's work grows with the square of it: after 3,000 edits, with up to 24
 * leaves, reading them takes 690 ms with PouchDB's default of 1,000, and 26 ms with 100. A device that makes more edits offline sends
 * a path that begins after the server's leaf, which the gate accepts.
 */
export const LOCAL_REVS_LIMIT = 100;

/**
 * Opens a database in IndexedDB. It compacts old revisions' bodies when they are replaced: replication sends only leaves.
 */
export const openBrowserDatabase: OpenDatabase = async (name) =>
  new (await importPouchDB())<StoredBody>(name, { auto_compaction: true, revs_limit: LOCAL_REVS_LIMIT });

/** Opens a database in memory. Its data is lost when the page is closed. */
export const openMemoryDatabase: OpenDatabase = async (name) => {
  const [PouchDB, { memoryAdapter, MEMORY_ADAPTER }] = await Promise.all([
    importPouchDB(),
    import('./memory-adapter.ts'),
  ]);
  return new (PouchDB.plugin(memoryAdapter))<StoredBody>(name, {
    adapter: MEMORY_ADAPTER,
    revs_limit: LOCAL_REVS_LIMIT,
  });
};

/**
 * Opens the database on the server with the PouchDB of the local one. `fetch` adds the token, so that it is never in the URL.
 */
export const openRemoteDatabase = (local: Database, url: string, fetch: typeof globalThis.fetch): Database =>
  new (local.constructor as PouchDB.Static)<StoredBody>(url, { skip_setup: true, fetch });

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

/**
 * The database that an application may pass to the library. The library's public types do not refer to those of
 * `@types/pouchdb-core`: these do not compile with `skipLibCheck: false`, and would be part of every application's project.
 */

/** A PouchDB database, for example one of `pouchdb-browser`. The library uses more of its methods than are declared here. */
export interface Database {
  /** The name of the database. */
  readonly name: string;
  /** Closes the database. Its data is kept. */
  close(): Promise<void>;
  /** Deletes the database. */
  destroy(): Promise<unknown>;
  /** Replicates with another database. */
  sync(remote: never, options?: never): unknown;
}

/**
 * Opens the local database of this name, synchronously or asynchronously. Opening one name twice must give the same data. Its
 * PouchDB needs the adapter for HTTP and the replication, which `pouchdb` and `pouchdb-browser` have.
 */
export type OpenDatabase = (name: string) => Database | PromiseLike<Database>;

/**
 * Opens the local database, and opens it again when it is lost. A browser may delete a database under an open page (storage
 * is short, or the user clears it), and another tab may replace it during a repair.
 */
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Locks } from '../platform/web-locks.ts';

export interface DatabaseHandleOptions {
  /** The name of the database. The write lock, which all tabs share, is named after it. */
  readonly name: string;
  readonly id: UserDocumentId;
  readonly openDatabase: OpenDatabase;
  readonly locks: Locks;
  /** Called when the document has changed, in any tab. */
  readonly onChange: () => void;
  /** Called when the database was lost and has been opened again. Other tabs may not have noticed yet. */
  readonly onLost: () => void;
}

export interface DatabaseHandle {
  /** The open database. `reopen`, and a loss, replace it. */
  readonly database: () => Database;
  readonly isClosed: () => boolean;
  /** Runs a task while holding the write lock of all tabs. Runs it again if the database turns out to be lost. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Closes and opens the database. `erase` deletes it in between; the caller must hold the write lock then. */
  readonly reopen: (erase: boolean) => Promise<void>;
  /** Closes the database. `erase` deletes it. */
  readonly close: (erase: boolean) => Promise<void>;
}

/** Far longer than any read or write takes. */
const OPERATION_TIMEOUT_MS = 5_000;

/**
 * Rejects when the task exceeds the timeout. When a browser deletes a database, it aborts its IndexedDB reads without an
 * event that PouchDB handles, so that such a read never settles.
 */
const withTimeout = <T>(task: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The database did not respond within ${OPERATION_TIMEOUT_MS} ms.`)),
      OPERATION_TIMEOUT_MS,
    );
    task()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });

export function openDatabaseHandle({
  name,
  id,
  openDatabase,
  locks,
  onChange,
  onLost,
}: DatabaseHandleOptions): DatabaseHandle {
  let closed = false;
  let database: Database;
  let feed: { readonly cancel: () => void } | undefined;

  const open = (): void => {
    database = openDatabase(name);
    const changes = database.changes({ live: true, since: 'now', doc_ids: [id] }).on('change', onChange);
    changes.catch(() => undefined);
    feed = changes;
  };
  const closeDatabase = async (erase: boolean): Promise<void> => {
    feed?.cancel();
    await (erase ? database.destroy() : database.close().catch(() => undefined));
  };
  const reopen = async (erase: boolean): Promise<void> => {
    await closeDatabase(erase);
    open();
  };
  const withWriteLock = <T>(task: () => Promise<T>): Promise<T> => locks.request(`${name}:write`, task);
  open();

  return {
    database: () => database,
    isClosed: () => closed,
    exclusive: (task) =>
      withWriteLock(() =>
        withTimeout(task).catch(async (error: unknown) => {
          if (closed) throw error;
          await reopen(false);
          onLost();
          return withTimeout(task);
        }),
      ),
    reopen,
    close: async (erase) => {
      if (closed) return;
      closed = true;
      await withWriteLock(() => closeDatabase(erase));
    },
  };
}

/**
 * The local database as it is opened and lost. A browser may throw a database away under an open page (storage is short,
 * the person clears it), and another tab replaces it in a repair: then it is opened anew.
 */
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Locks } from '../platform/web-locks.ts';

export interface DatabaseHandleOptions {
  /** Of the database, and of the lock that all its writers share. */
  readonly name: string;
  readonly id: UserDocumentId;
  readonly openDatabase: OpenDatabase;
  readonly locks: Locks;
  /** Something in the document has changed, in whichever tab. */
  readonly onChange: () => void;
  /** The database was found lost, and opened anew. Other tabs may not have noticed yet. */
  readonly onLost: () => void;
}

export interface DatabaseHandle {
  readonly database: () => Database;
  readonly isClosed: () => boolean;
  /** Runs a task while no other one of any tab runs; once more if the database turns out to be lost. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Opens it anew; `isForever`: after it was thrown away, under the lock that the caller holds. */
  readonly reopen: (erase: boolean) => Promise<void>;
  /** Closes it, and with `isForever` throws it away. */
  readonly close: (isForever: boolean) => Promise<void>;
}

/** Far more than any read or write takes. */
const OPERATION_TIMEOUT_MS = 5_000;

/**
 * Rejects when the task takes too long. PouchDB does not hear of it when the browser breaks off a read of IndexedDB, as it
 * does when it takes the database away: such a read never ends.
 */
const withTimeout = <T>(task: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The browser does not answer.')), OPERATION_TIMEOUT_MS);
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
    close: async (isForever) => {
      if (closed) return;
      closed = true;
      await withWriteLock(() => closeDatabase(isForever));
    },
  };
}

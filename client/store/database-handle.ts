/**
 * The local database as it is opened and lost. A browser may throw a database away under an open page (storage is short,
 * the person clears it), and another tab replaces it in a repair: then it is opened anew.
 */
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Locks } from '../platform/web-locks.ts';

export interface HandleOptions {
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

export interface Handle {
  readonly database: () => Database;
  readonly isClosed: () => boolean;
  /** Runs a task while no other one of any tab runs; once more if the database turns out to be lost. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Opens it anew; `isForever`: after it was thrown away, under the lock that the caller holds. */
  readonly reopen: (isForever: boolean) => Promise<void>;
  /** Closes it, and with `isForever` throws it away. */
  readonly end: (isForever: boolean) => Promise<void>;
}

/** Far more than any read or write takes. */
const PATIENCE_MS = 5_000;

/**
 * Rejects when the task takes too long. PouchDB does not hear of it when the browser breaks off a read of IndexedDB, as it
 * does when it takes the database away: such a read never ends.
 */
const patiently = <T>(task: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The browser does not answer.')), PATIENCE_MS);
    task()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });

export function openHandle({ name, id, openDatabase, locks, onChange, onLost }: HandleOptions): Handle {
  let closed = false;
  let database: Database;
  let feed: { readonly cancel: () => void } | undefined;

  const open = (): void => {
    database = openDatabase(name);
    const changes = database.changes({ live: true, since: 'now', doc_ids: [id] }).on('change', onChange);
    changes.catch(() => undefined);
    feed = changes;
  };
  const leave = async (isForever: boolean): Promise<void> => {
    feed?.cancel();
    await (isForever ? database.destroy() : database.close().catch(() => undefined));
  };
  const reopen = async (isForever: boolean): Promise<void> => {
    await leave(isForever);
    open();
  };
  const locked = <T>(task: () => Promise<T>): Promise<T> => locks.request(`${name}:write`, task);
  open();

  return {
    database: () => database,
    isClosed: () => closed,
    exclusive: (task) =>
      locked(() =>
        patiently(task).catch(async (error: unknown) => {
          if (closed) throw error;
          await reopen(false);
          onLost();
          return patiently(task);
        }),
      ),
    reopen,
    end: async (isForever) => {
      if (closed) return;
      closed = true;
      await locked(() => leave(isForever));
    },
  };
}

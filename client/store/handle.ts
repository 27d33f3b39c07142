/**
 * The local database as it is opened and lost. A browser may throw a database away under an open page (storage is short,
 * the person clears it), and another tab replaces it in a repair: then it is opened anew.
 */
import type { UserDocumentId } from '../../couchdb-design/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Locks } from '../platform/locks.ts';

export interface HandleOptions {
  /** Of the database, and of the lock that all its writers share. */
  readonly name: string;
  readonly id: UserDocumentId;
  readonly openDatabase: OpenDatabase;
  readonly locks: Locks;
  /** Something in the document has changed, in whichever tab. */
  readonly onChange: () => void;
}

export interface Handle {
  readonly database: () => Database;
  readonly isClosed: () => boolean;
  /** Runs a task while no other one of any tab runs; once more if the database turns out to be lost. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Throws the database away, under the lock that the caller holds. */
  readonly renew: () => Promise<void>;
  readonly reopen: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

export function openHandle({ name, id, openDatabase, locks, onChange }: HandleOptions): Handle {
  let closed = false;
  let database: Database;
  let feed: { readonly cancel: () => void } | undefined;

  const open = (): void => {
    database = openDatabase(name);
    const changes = database.changes({ live: true, since: 'now', doc_ids: [id] }).on('change', onChange);
    changes.catch(() => undefined);
    feed = changes;
  };
  const close = (): Promise<void> => database.close().catch(() => undefined);
  const reopen = async (): Promise<void> => {
    feed?.cancel();
    await close();
    open();
  };
  const locked = <T>(task: () => Promise<T>): Promise<T> => locks.exclusive(`${name}:write`, task);
  const end = async (task: () => Promise<void>): Promise<void> => {
    if (closed) return;
    closed = true;
    feed?.cancel();
    await locked(task);
  };
  open();

  return {
    database: () => database,
    isClosed: () => closed,
    exclusive: (task) =>
      locked(() =>
        task().catch(async (error: unknown) => {
          if (closed) throw error;
          await reopen();
          return task();
        }),
      ),
    renew: async () => {
      feed?.cancel();
      await database.destroy();
      open();
    },
    reopen,
    close: () => end(close),
    destroy: () => end(() => database.destroy()),
  };
}

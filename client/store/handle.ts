/**
 * The local database as it is opened and lost. A browser may throw a database away under an open page (storage is short,
 * the person clears it), and another tab replaces it in a repair: then it is opened anew, and what was not sent yet is
 * put into the new one from memory.
 */
import type { UserDocumentId } from '../../couchdb-design/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Locks } from '../platform/locks.ts';
import { latestEdits, type Edits } from './edits.ts';
import { updateKept } from './kept.ts';
import type { Source } from './replica.ts';
import type { Shape } from './shape.ts';

export interface HandleOptions {
  /** Of the database, and of the lock that all its writers share. */
  readonly name: string;
  readonly id: UserDocumentId;
  readonly shape: Shape;
  readonly openDatabase: OpenDatabase;
  readonly locks: Locks;
  /** Something in the document has changed, in whichever tab. */
  readonly onChange: () => void;
  /** What is known to be unsent, for a database that was lost. */
  readonly rescued: () => Edits;
}

export interface Handle {
  readonly source: () => Source;
  readonly isClosed: () => boolean;
  /** Runs a task while no other tab writes; once more if the database turns out to be lost. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** As `exclusive`, for a task that only reads and need not be alone. */
  readonly read: <T>(task: () => Promise<T>) => Promise<T>;
  /** Throws the database away, under the lock that the caller holds. */
  readonly renew: () => Promise<void>;
  readonly reopen: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
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

export function openHandle({ name, id, shape, openDatabase, locks, onChange, rescued }: HandleOptions): Handle {
  let closed = false;
  let database: Database;
  let feed: { readonly cancel: () => void } | undefined;

  const open = (): void => {
    database = openDatabase(name);
    const changes = database.changes({ live: true, since: 'now', doc_ids: [id] }).on('change', onChange);
    changes.catch(() => undefined);
    feed = changes;
  };
  const reopen = async (): Promise<void> => {
    feed?.cancel();
    await database.close().catch(() => undefined);
    open();
  };
  const locked = <T>(task: () => Promise<T>): Promise<T> => locks.exclusive(`${name}:write`, task);

  const revive = async (): Promise<void> => {
    const unsent = rescued();
    await reopen();
    if (unsent.length > 0) {
      await updateKept(database, (kept) => ({ ...kept, draft: latestEdits([...kept.draft, ...unsent]) }));
    }
  };
  const again = async <T>(task: () => Promise<T>, recover: (used: Database) => Promise<void>): Promise<T> => {
    const used = database;
    return patiently(task).catch(async (error: unknown) => {
      if (closed) throw error;
      await recover(used);
      return patiently(task);
    });
  };
  const end = (task: () => Promise<unknown>): Promise<void> => {
    if (closed) return Promise.resolve();
    closed = true;
    feed?.cancel();
    return locked(async () => {
      await task();
    });
  };
  open();

  return {
    source: () => ({ database, id, shape }),
    isClosed: () => closed,
    exclusive: (task) => locked(() => again(task, revive)),
    // Whoever replaced it meanwhile has opened another one: that is read then.
    read: (task) => again(task, (used) => locked(async () => (used === database ? revive() : undefined))),
    renew: async () => {
      feed?.cancel();
      await database.destroy();
      open();
    },
    reopen,
    close: () => end(() => database.close().catch(() => undefined)),
    destroy: () => end(() => database.destroy()),
  };
}

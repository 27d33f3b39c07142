/**
 * Opens the local database, and opens it again when it is lost. A browser may delete a database under an open page (storage
 * is short, or the user clears it), and another tab may replace it during a repair. While it cannot be opened, a replacement
 * in memory is used. It contains what was read last, and receives later changes from the server. Unsent edits are not stored in the
 * database.
 */
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import type { Database, OpenDatabase } from '../platform/database.ts';
import type { Report } from '../platform/health.ts';
import { createPace, delay, withTimeout } from '../platform/pace.ts';
import type { PlatformTiming } from '../platform/timing.ts';
import type { Locks } from '../platform/web-locks.ts';

export interface DatabaseHandleOptions {
  /** The name of the database. The write lock, which all tabs share, is named after it. */
  readonly name: string;
  readonly id: UserDocumentId;
  readonly openDatabase: OpenDatabase;
  /** Opens the replacement. Without it nothing can be stored while `openDatabase` fails. */
  readonly openReplacement?: OpenDatabase | undefined;
  /** Writes the data that was read last into the replacement. */
  readonly fillReplacement: (replacement: Database) => Promise<unknown>;
  /** Erases what is stored before any of it is read. */
  readonly eraseOnOpen: boolean;
  readonly locks: Locks;
  readonly timing: PlatformTiming;
  /** Reports whether the database can be opened. */
  readonly report: Report;
  /** Called after the database was erased on opening. */
  readonly onErased: () => void;
  /** Called when the document has changed, in any tab. */
  readonly onChange: () => void;
  /** Called when the database was lost and has been opened again. Other tabs may not have noticed yet. */
  readonly onLost: () => void;
}

/** The maximum interval between two attempts to open the database, in milliseconds. */
const MAX_RETRY_MS = 600_000;

/** The local database of one store. */
export class DatabaseHandle {
  readonly #options: DatabaseHandleOptions;
  readonly #stopController = new AbortController();
  /** At most one reopening per second: a database that fails immediately must not be reopened in a loop. */
  readonly #reopenPace = createPace(1, 1_000);
  #opening: Promise<void> = Promise.resolve();
  #mustErase: boolean;
  #database: Database | undefined;
  #feed: { readonly cancel: () => void } | undefined;
  #isReplaced = false;
  #isRecovering = false;

  constructor(options: DatabaseHandleOptions) {
    this.#options = options;
    this.#mustErase = options.eraseOnOpen;
  }

  /** The open database. `reopen`, a loss and a recovery replace it. Throws while there is none. */
  database(): Database {
    if (!this.#database) throw new Error('The local database is not open.');
    return this.#database;
  }

  isClosed(): boolean {
    return this.#stopController.signal.aborted;
  }

  /** Opens the database, or its replacement. Rejects when neither can be opened. Retries the database at intervals if it fails. */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { name, openReplacement, fillReplacement, timing, report } = this.#options;
    const opening = this.#openStored();
    try {
      // Using a replacement temporarily loses no data, so a shorter timeout is enough.
      const timeoutMs = openReplacement ? timing.responseMs / 2 : timing.responseMs;
      this.#use(await withTimeout(timeoutMs, 'The database', () => opening), false);
      report(true);
    } catch (error) {
      if (this.isClosed()) throw error;
      report(false);
      void this.#recover(opening);
      if (!openReplacement) throw error;
      const replacement = await openReplacement(name);
      await fillReplacement(replacement);
      this.#use(replacement, true);
    }
  }

  /** Runs a task while holding the write lock of all tabs. Runs it again if the database turns out to be lost. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return this.#withWriteLock(() =>
      this.#withTimeout(task).catch(async (error: unknown) => {
        await this.#reopenPace(this.#stopController.signal);
        if (this.isClosed()) throw error;
        await this.reopen(false);
        this.#options.onLost();
        return this.#withTimeout(task);
      }),
    );
  }

  /** Closes and opens the database. `erase` deletes it in between; the caller must hold the write lock then. */
  async reopen(erase: boolean): Promise<void> {
    await this.#closeDatabase(erase);
    await this.open();
  }

  /** Closes the database. `erase` deletes it. Resolves with false when the browser has not deleted it. */
  async close(erase: boolean): Promise<boolean> {
    if (this.isClosed()) return !erase;
    this.#stopController.abort();
    // A database that is being opened must be closed, and erased if requested.
    await this.#withTimeout(() => this.#opening).catch(() => undefined);
    const isStored = this.#database !== undefined && !this.#isReplaced;
    const task = (): Promise<void> => this.#closeDatabase(erase);
    try {
      // Closes even if the lock is never granted.
      await this.#withTimeout(() => this.#withWriteLock(task)).catch(task);
      return !erase || isStored;
    } catch {
      return false;
    }
  }

  #withWriteLock<T>(task: () => Promise<T>): Promise<T> {
    return this.#options.locks.request(`${this.#options.name}:write`, task);
  }

  /**
   * Rejects when the task exceeds the timeout. When a browser deletes a database, it aborts its IndexedDB reads without an
   * event that PouchDB handles, so that such a read never settles.
   */
  #withTimeout<T>(task: () => Promise<T>): Promise<T> {
    return withTimeout(this.#options.timing.responseMs, 'The database', task);
  }

  async #openStored(): Promise<Database> {
    const { name, openDatabase, onErased } = this.#options;
    let database = await openDatabase(name);
    if (this.#mustErase) {
      await database.destroy();
      this.#mustErase = false;
      onErased();
      database = await openDatabase(name);
    }
    // Resolves when the database is open.
    await database.info();
    return database;
  }

  #use(database: Database, isReplaced: boolean): void {
    this.#database = database;
    this.#isReplaced = isReplaced;
    const { id, onChange } = this.#options;
    const changes = database.changes({ live: true, since: 'now', doc_ids: [id] }).on('change', onChange);
    changes.catch(() => undefined);
    this.#feed = changes;
  }

  /**
   * Waits until a pending or another attempt opens the database, and then uses it. The intervals grow, because each attempt
   * that hangs leaves a request in PouchDB's queue.
   */
  async #recover(first: Promise<Database>): Promise<void> {
    if (this.#isRecovering) return;
    this.#isRecovering = true;
    const { signal } = this.#stopController;
    let opening = first;
    let database: Database | undefined;
    for (let waitMs = this.#options.timing.retryMs; !this.isClosed(); waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      const hasSettled = opening.then(
        (opened) => {
          if (this.isClosed()) void opened.close().catch(() => undefined);
          else database = opened;
        },
        () => delay(waitMs, signal),
      );
      // Two attempts that erase must not overlap: the later one would erase what is in use.
      await (this.#mustErase ? hasSettled : Promise.race([hasSettled, delay(waitMs, signal)]));
      if (database || this.isClosed()) break;
      opening = this.#openStored();
    }
    this.#isRecovering = false;
    // It may have been reopened in the meantime.
    if (database && (this.#isReplaced || !this.#database)) await this.#replaceBy(database);
  }

  async #replaceBy(database: Database): Promise<void> {
    const { onChange, onLost, report } = this.#options;
    await this.#withWriteLock(async () => {
      await this.#closeDatabase(false);
      if (!this.isClosed()) this.#use(database, false);
    });
    if (this.isClosed()) return;
    report(true);
    onChange();
    onLost();
  }

  async #closeDatabase(erase: boolean): Promise<void> {
    this.#feed?.cancel();
    const database = this.#database;
    if (!database) return;
    if (erase) await this.#withTimeout(() => database.destroy());
    else await this.#withTimeout(() => database.close()).catch(() => undefined);
  }
}

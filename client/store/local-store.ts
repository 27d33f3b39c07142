/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here uses the network.
 *
 * An edit is first stored as pending (pending-edits.ts), and then committed to the document (commit-edits.ts). A lock
 * serializes the writes of all tabs of one user. Replication alone writes without the lock, and only adds revisions. So a
 * write whose parent is not a leaf any more reads again and retries.
 */
import { newDeviceId, type DeviceId } from '../../couchdb-design/user-document/edit-stamp.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import { readClock, type ClockReading } from '../platform/clock.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import { createEmitter } from '../platform/emitter.ts';
import { reasonOf, type Database } from '../platform/database.ts';
import { setItem } from '../platform/local-data.ts';
import { resolvesWithin } from '../platform/pace.ts';
import { DEFAULT_PLATFORM_TIMING, type PlatformTiming } from '../platform/timing.ts';
import {
  applyEdits,
  editsIn,
  haveSameStamps,
  isIncludedIn,
  editStampIn,
  EMPTY_DOCUMENT,
  type Edit,
  type Edits,
} from './edits.ts';
import { DatabaseHandle } from './database-handle.ts';
import { readLeaves, readReplica, createReplica, storeLeaves, type Replica, type DocumentSource } from './replica.ts';
import type { RawLeaf } from './leaf.ts';
import { needsCommit, commitEdits } from './commit-edits.ts';
import { findSupersededEdits } from './superseded-edits.ts';
import type { StoredSnapshot } from './stored-snapshot.ts';
import type { LocalStoreOptions } from './types.ts';
import { openPendingEdits, type PendingEdits } from './pending-edits.ts';
import type { Rules } from './rules.ts';

const MAX_EXCESS_LEAVES = 16;

/** Copies a patch, because the caller may change the object later. Not all values can be copied; the rules reject the others. */
const copyIfPossible = (patch: Values): Values => {
  try {
    return structuredClone(patch);
  } catch {
    return patch;
  }
};

/** One user's preferences in this browser. */
export class LocalStore {
  readonly id: UserDocumentId;
  /** Resolves when the stored data has been read. Rejects when no database can be opened. */
  readonly ready: Promise<void>;

  readonly #options: LocalStoreOptions;
  readonly #timing: PlatformTiming;
  readonly #device: DeviceId;
  readonly #pendingEdits: PendingEdits;
  readonly #handle: DatabaseHandle;
  readonly #changeEmitter = createEmitter();
  /** The document as it was last read; undefined before the first read. */
  #replica: Replica | undefined;
  /** The leaves from which `#replica` was computed. */
  #leaves: readonly RawLeaf[] = [];
  #unsent: Edits = [];
  #visible: Values;
  /** Undefined while they are being loaded. */
  #rules: Rules | undefined;
  readonly #loadingRules: Promise<Rules>;
  /** The refresh that waits for the write lock. */
  #queuedRefresh: Promise<void> | undefined;

  constructor(options: LocalStoreOptions) {
    const { id, name, defaults, environment, eraseOnOpen = false } = options;
    const { locks, random, storage } = environment;
    this.id = id;
    this.#options = options;
    this.#timing = options.platformTiming ?? DEFAULT_PLATFORM_TIMING;
    this.#visible = defaults;
    this.#device = storage[`${name}:device`] ?? newDeviceId(random);
    setItem(storage, `${name}:device`, this.#device);
    this.#pendingEdits = openPendingEdits(storage, `${name}:unsent:`);
    this.#handle = new DatabaseHandle({
      onErased: () => undefined,
      fillReplacement: (replacement) => storeLeaves(this.sourceIn(replacement), this.#leaves),
      ...options,
      report: options.reportDatabase ?? (() => undefined),
      eraseOnOpen,
      locks,
      timing: this.#timing,
      // A read fails when the database is being closed or replaced. The store is then refreshed after that.
      onChange: () => void this.refresh().catch(() => undefined),
      onLost: options.onUnsentChange,
    });
    this.#loadingRules = this.#loadRules();
    this.ready = this.#open();
    // A rejection must not count as unhandled when no caller awaits `ready`.
    this.ready.catch(() => undefined);
    this.#loadingRules.catch(() => undefined);
    this.#publish();
  }

  /** The open database, for replication. `replace` and `reopen` replace it. Throws while there is none. */
  database(): Database {
    return this.#handle.database();
  }

  /** The user document in another database, such as the server's. */
  sourceIn(database: Database): DocumentSource {
    return { database, id: this.id };
  }

  /** All preferences with their defaults. The same object until one changes. */
  visiblePreferences(): Values {
    return this.#visible;
  }

  /** The edits that the server is not known to have, without those that other devices have superseded. */
  unsent(): Edits {
    return this.#unsent;
  }

  /** Calls `listener` after every change. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    return this.#changeEmitter.subscribe(listener);
  }

  /**
   * Sets the preferences in the patch; `null` removes one. Resolves when the edit is stored: in the document, or as a
   * pending edit if another tab holds the write lock for long. Rejects with a RangeError when a value is invalid or the document
   * would be too large, and with an Error when it cannot be stored.
   */
  async edit(patch: Values): Promise<void> {
    if (this.#handle.isClosed()) throw new Error('The store is closed.');
    const values = copyIfPossible(patch);
    let stamp = '';
    try {
      // The stamp must be later than the stamps of the document, so the document must be read first.
      if (!this.#replica) await this.ready;
      const { createEdits } = this.#rules ?? (await this.#loadingRules);
      const edits = createEdits(values, {
        document: this.#replica?.document,
        unsent: this.#pendingEdits.read(),
        device: this.#device,
        clock: this.#readClock(),
      });
      stamp = edits.at(-1)?.stamp ?? '';
      this.#pendingEdits.add(edits);
      this.#publish();
      this.#options.onUnsentChange();
      await this.refresh();
      this.#pendingEdits.remove((edit) => Object.hasOwn(values, edit.key) && edit.stamp < stamp);
    } catch (error) {
      // Earlier pending edits of the same preferences are still there.
      this.#pendingEdits.remove((edit) => edit.stamp === stamp);
      this.#publish();
      if (error instanceof RangeError) throw error;
      const reason = reasonOf(error);
      const message = /quota/i.test(reason) ? 'there is no space left.' : reason;
      throw new Error(`This browser could not store the change: ${message}`, { cause: error });
    }
  }

  /**
   * Compares the server's leaves with those last read here. They are in sync when this replica has all of the server's, and
   * the server has all live ones of this replica: the gate merges a conflict and its resolution instead of storing them.
   * The edits in the document are then not unsent any more. Returns whether they are in sync.
   */
  acknowledge(serverRevisions: readonly string[]): boolean {
    const { document, revisions = [], leaves = [] } = this.#replica ?? {};
    const isInSync =
      serverRevisions.length > 0 &&
      serverRevisions.every((rev) => revisions.includes(rev)) &&
      leaves.every(({ rev }) => serverRevisions.includes(rev));
    if (isInSync) {
      this.#removeEdits((edit) => isIncludedIn(edit, document));
      this.updateUnsent();
    }
    return isInSync;
  }

  /** Whether most leaves here are conflicts that the server never had. PouchDB keeps them forever, and compares each at every push. */
  hasExcessLeaves({ length }: readonly string[]): boolean {
    return !this.#unsent.length && (this.#replica?.revisions.length ?? 0) > length + MAX_EXCESS_LEAVES;
  }

  /** Erases the database and fills it with the server's leaves. Edits that the server does not have become suspects. */
  replace(serverLeaves: readonly RawLeaf[]): Promise<void> {
    return this.#handle.exclusive(async () => {
      const { document } = await readReplica(this.#source());
      const server = createReplica(serverLeaves).document;
      const edits = document ? editsIn(applyEdits(document, this.#pendingEdits.read())) : [];
      // Stored before the database is erased, so that no edit is lost when the tab is closed in between.
      this.#pendingEdits.add(
        edits.filter((edit) => !isIncludedIn(edit, server)).map((edit) => ({ ...edit, isSuspect: true })),
      );
      this.#leaves = [];
      await this.#handle.reopen(true);
      await storeLeaves(this.#source(), serverLeaves);
      // Sent before the lock is released, so that a tab that waits for it writes to the new database.
      this.#options.onReplaced();
      await this.#load();
    });
  }

  /**
   * Corrects the stamps of unsent edits that were made with a wrong clock. Call it when the offset of the server's clock has
   * become known or has changed, before anything is sent. Resolves before the correction if another tab holds the write lock for
   * long.
   */
  async correctStamps(): Promise<void> {
    const { findCorrections, storeCorrections } = await this.#loadingRules;
    const find = (): ReturnType<Rules['findCorrections']> =>
      findCorrections(this.#pendingEdits.read(), this.#readClock());
    if (find().length === 0) return;
    const correction = this.#handle.exclusive(async () => {
      await storeCorrections(this.#source(), this.#pendingEdits, find());
      this.#options.onUnsentChange();
      await this.#load();
    });
    await resolvesWithin(this.#timing.responseMs, correction);
  }

  /** Updates the unsent edits if another tab has added or removed some. That tab's message may have been lost. */
  updateUnsent(): void {
    if (!haveSameStamps(this.#readUnsent(), this.#unsent)) this.#publish();
  }

  /** Discards a pending edit that the server rejected. */
  removeEdit({ key, stamp }: Edit): void {
    this.#removeEdits((edit) => edit.key === key && edit.stamp === stamp);
  }

  /** Opens the database again, after another tab has replaced it. */
  async reopen(): Promise<void> {
    if (this.#handle.isClosed()) return;
    await this.#handle.reopen(false);
    await this.refresh();
  }

  /**
   * Reads the stored data again, another tab's pending edits included. Resolves a conflict and commits pending edits, if
   * there are any. Calls that wait for the write lock share one refresh, so their edits become one revision. Resolves
   * before the refresh if another tab holds the lock for long. The refresh then follows when the lock is free.
   */
  async refresh(): Promise<void> {
    await resolvesWithin(2 * this.#timing.responseMs, this.#queueRefresh());
  }

  #queueRefresh(): Promise<void> {
    this.#queuedRefresh ??= this.#handle.exclusive(async () => {
      this.#queuedRefresh = undefined;
      if (this.#handle.isClosed()) return;
      if (!needsCommit(await this.#load(), this.#unsent)) return;
      await commitEdits(this.#source(), this.#pendingEdits.read);
      await this.#load();
    });
    return this.#queuedRefresh;
  }

  async inspect(): Promise<StoredSnapshot> {
    await this.ready.catch(() => undefined);
    const leaves = await readLeaves(this.#source());
    return deepFreeze({ device: this.#device, documentId: this.id, leaves, unsent: [...this.#unsent] });
  }

  /** Closes the database. `erase` deletes it. Resolves with false when the browser has not deleted it. */
  close(erase: boolean): Promise<boolean> {
    return this.#handle.close(erase);
  }

  async #loadRules(): Promise<Rules> {
    const { createRules } = await import('./rules.ts');
    this.#rules = createRules(this.#options);
    this.#publish();
    return this.#rules;
  }

  async #open(): Promise<void> {
    await Promise.all([this.#handle.open(), this.#loadingRules]);
    await this.refresh();
    // Another tab holds the write lock, which a read does not need.
    if (!this.#replica && !this.#handle.isClosed()) await this.#load();
  }

  #source(): DocumentSource {
    return this.sourceIn(this.#handle.database());
  }

  async #load(): Promise<Replica> {
    this.#leaves = await readLeaves(this.#source());
    this.#replica = createReplica(this.#leaves);
    this.#publish();
    return this.#replica;
  }

  /** Computes what is shown from the document last read and the pending edits, and notifies the listeners. */
  #publish(): void {
    const previous = this.#unsent;
    const document = this.#replica?.document;
    this.#unsent = this.#readUnsent();
    const shown = applyEdits(document ?? EMPTY_DOCUMENT, this.#unsent);
    this.#visible = this.#rules?.show(shown, this.#visible) ?? this.#visible;
    this.#changeEmitter.emit();
    for (const edit of findSupersededEdits(document, previous, this.#device)) {
      this.#options.onSuperseded(deepFreeze(edit));
    }
  }

  /** The pending edits that the document has not superseded. */
  #readUnsent(): Edits {
    const document = this.#replica?.document;
    return this.#pendingEdits.read().filter(({ key, stamp }) => stamp >= editStampIn(document, key));
  }

  #removeEdits(predicate: (edit: Edit) => boolean): void {
    if (!this.#pendingEdits.remove(predicate)) return;
    this.#options.onUnsentChange();
    this.#publish();
  }

  #readClock(): ClockReading {
    return readClock(this.#options.environment.now, this.#options.clockOffset?.());
  }
}

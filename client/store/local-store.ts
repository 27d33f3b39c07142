/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here knows of a network.
 *
 * An edit is noted at once (unsent.ts) and then put into the document (settle.ts). All writes of all tabs of one user happen
 * one at a time, under one lock. Replication alone writes beside it, and only ever adds revisions; so a write that finds
 * its parent no leaf any more reads again and tries again.
 */
import {
  latestEditStamp,
  newDeviceId,
  nextEditStamp,
  type DeviceId,
} from '../../couchdb-design/user-document/edit-stamp.ts';
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import { isDeepEqual } from '../platform/structural-equality.ts';
import { createEmitter, type Emitter } from '../platform/emitter.ts';
import { reasonOf, type Database, type OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { setItem } from '../platform/local-data.ts';
import { applyEdits, editsIn, isIncludedIn, editStampIn, type Edit, type Edits } from './edits.ts';
import { openDatabaseHandle } from './database-handle.ts';
import {
  readLeaves,
  readReplica,
  createReplica,
  storeLeaves,
  type RawLeaf,
  type Replica,
  type DocumentSource,
} from './replica.ts';
import { needsCommit, commitEdits } from './commit-edits.ts';
import type { StoreSchema, Values } from './schema.ts';
import { findSupersededEdits, type SupersededEdit } from './superseded-edits.ts';
import { openPendingEdits } from './pending-edits.ts';
import { computeVisiblePreferences } from './visible-preferences.ts';

export interface LocalStoreOptions {
  /** Of the document. */
  readonly id: UserDocumentId;
  /** Of the database, and what the names of all else that is kept begin with. */
  readonly name: string;
  readonly schema: StoreSchema;
  readonly defaults: Values;
  /** A sign-out was cut off: what is stored goes before anything of it is read. */
  readonly eraseOnOpen?: boolean;
  readonly openDatabase: OpenDatabase;
  readonly environment: Pick<Environment, 'now' | 'random' | 'locks' | 'storage'>;
  /** Called after a write that other tabs do not hear of by PouchDB. */
  readonly onUnsentChange: () => void;
  /** Called when the local database was made anew: other tabs hold a handle that is dead. */
  readonly onReplaced: () => void;
  readonly onSuperseded: (edit: SupersededEdit) => void;
}

export interface LocalStore {
  readonly id: UserDocumentId;
  /** Resolved when what is stored has been read. Rejected when the browser gives no storage. */
  readonly ready: Promise<void>;
  /** The handle to replicate with. `replace` and `reopen` make another one. */
  readonly database: () => Database;
  /** The same document in another database, such as the server's. */
  readonly sourceIn: (database: Database) => DocumentSource;
  readonly visiblePreferences: () => Values;
  /** Those that the server is not seen to have, without those that another device's have taken the place of. */
  readonly unsent: () => Edits;
  readonly subscribe: Emitter['subscribe'];
  /** Resolved when the edit is stored. Rejects with a sentence when a value is not allowed or storage fails. */
  readonly edit: (patch: Values) => Promise<void>;
  /** The server has these leaves and no others. Whether that is what was read here last: then nothing of it is unsent. */
  readonly acknowledge: (revisions: readonly string[]) => boolean;
  /** Throws the database away and fills it from the server's leaves. What was unsent becomes suspects. */
  readonly replace: (serverLeaves: readonly RawLeaf[]) => Promise<void>;
  /** Forgets an edit that the server refused. */
  readonly removeEdit: (edit: Edit) => void;
  /** Opens the database again, after another tab has replaced it. */
  readonly reopen: () => Promise<void>;
  /**
   * Reads what is stored again, such as what another tab has noted; resolves a conflict, and puts what is unsent into the
   * document, where there is either.
   */
  readonly refresh: () => Promise<void>;
  readonly inspect: () => Promise<StoredInspection>;
  /** Closes the database, and with `isForever` throws it away. */
  readonly close: (isForever: boolean) => Promise<void>;
}

/** What is stored, for whoever wants to see how the sync works. */
export interface StoredInspection {
  /** The last five characters of the stamps of this browser's edits. */
  readonly device: DeviceId;
  readonly documentId: string;
  /** The document's leaves, deleted ones too, as PouchDB gives them with their histories. */
  readonly leaves: readonly RawLeaf[];
  readonly unsent: Edits;
}

export function createLocalStore(options: LocalStoreOptions): LocalStore {
  const { id, name, schema, onUnsentChange } = options;
  const { locks, now, random, storage } = options.environment;
  const device = storage[`${name}:device`] ?? newDeviceId(random);
  setItem(storage, `${name}:device`, device);
  const pendingEdits = openPendingEdits(storage, `${name}:unsent:`);
  const changeEmitter = createEmitter();
  /** What was read last. */
  let replica: Replica | undefined;
  let unsent: Edits = [];
  let visible = options.defaults;

  const handle = openDatabaseHandle({
    ...options,
    locks,
    // A read that fails finds the database closed: whoever did that says so, and it is read again then.
    onChange: () => void refresh().catch(() => undefined),
    onLost: onUnsentChange,
  });
  const { exclusive, isClosed } = handle;
  const sourceIn = (database: Database): DocumentSource => ({ database, id });
  const source = (): DocumentSource => sourceIn(handle.database());

  /** Shows what was read last, with what is noted now. */
  const publish = (): void => {
    const previous = unsent;
    const document = replica?.document;
    unsent = pendingEdits.read().filter(({ key, stamp }) => stamp >= editStampIn(document, key));
    visible = computeVisiblePreferences(options, document, unsent, visible);
    changeEmitter.emit();
    for (const edit of findSupersededEdits(document, previous, device)) options.onSuperseded(edit);
  };
  /** Forgets those, which are no more to be sent. */
  const removeEdits = (predicate: (edit: Edit) => boolean): void => {
    if (!pendingEdits.remove(predicate)) return;
    onUnsentChange();
    publish();
  };
  const load = async (): Promise<Replica> => {
    replica = await readReplica(source());
    publish();
    return replica;
  };
  // All that is asked for while one waits for its turn is answered by that one: what is edited then becomes one revision.
  let queuedRefresh: Promise<void> | undefined;
  const refresh = (): Promise<void> => {
    queuedRefresh ??= exclusive(async () => {
      queuedRefresh = undefined;
      if (isClosed()) return;
      if (!needsCommit(await load(), unsent)) return;
      await commitEdits(source(), pendingEdits.read);
      await load();
    });
    return queuedRefresh;
  };
  const ready = exclusive(async () => {
    if (options.eraseOnOpen) await handle.reopen(true);
  }).then(refresh);
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);
  publish();

  return {
    id,
    ready,
    database: handle.database,
    sourceIn,
    visiblePreferences: () => visible,
    unsent: () => unsent,
    subscribe: changeEmitter.subscribe,

    edit: async (patch) => {
      if (isClosed()) throw new Error('The preferences are closed.');
      const values = schema.parsePatch(patch);
      let stamp = '';
      try {
        // It has to be later than what it is made on.
        if (!replica) await ready;
        const stamps = [
          ...Object.values(replica?.document?.edits ?? {}),
          ...pendingEdits.read().map((edit) => edit.stamp),
        ];
        stamp = nextEditStamp({ now: now(), device, seen: latestEditStamp(stamps) });
        pendingEdits.add(Object.entries(values).map(([key, value]) => ({ key, value, stamp })));
        publish();
        onUnsentChange();
        await refresh();
        pendingEdits.remove((edit) => Object.hasOwn(values, edit.key) && edit.stamp < stamp);
      } catch (error) {
        // It is as if it had not been made: what it was to replace is still there.
        pendingEdits.remove((edit) => edit.stamp === stamp);
        publish();
        const reason = reasonOf(error);
        const message = /quota/i.test(reason) ? 'it has no room left.' : reason;
        throw new Error(`This browser could not store the change: ${message}`, { cause: error });
      }
    },

    acknowledge: (revisions) => {
      const { document, revisions: localRevisions } = replica ?? {};
      const isAllThere = isDeepEqual(localRevisions?.toSorted(), revisions.toSorted());
      if (isAllThere) removeEdits((edit) => isIncludedIn(edit, document));
      return isAllThere;
    },

    replace: (serverLeaves) =>
      exclusive(async () => {
        const { document } = await readReplica(source());
        const server = createReplica(serverLeaves).document;
        const edits = document ? editsIn(applyEdits(document, pendingEdits.read())) : [];
        // Noted before the database goes: a tab that is closed now must not take them with it.
        pendingEdits.add(
          edits.filter((edit) => !isIncludedIn(edit, server)).map((edit) => ({ ...edit, isSuspect: true })),
        );
        await handle.reopen(true);
        await storeLeaves(source(), serverLeaves);
        // Told before the lock is let go, so that a tab that waits for it writes to the new one.
        options.onReplaced();
        await load();
      }),
    removeEdit: ({ key, stamp }) => removeEdits((edit) => edit.key === key && edit.stamp === stamp),
    reopen: async () => {
      if (isClosed()) return;
      await handle.reopen(false);
      await refresh();
    },
    refresh,
    inspect: async () => ({ device, documentId: id, leaves: await readLeaves(source()), unsent }),
    close: handle.close,
  };
}

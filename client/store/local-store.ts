/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here knows of a network.
 *
 * All writes of all tabs of one user happen one at a time, under one lock. Replication alone writes beside it, and only
 * ever adds revisions; so a write that finds its parent no leaf any more reads again and tries again (commit.ts).
 */
import { latestEditStamp, newDeviceId, nextEditStamp, type DeviceId } from '../../couchdb-design/edit-stamp.ts';
import { userDocumentId, type UserDocumentId, type Username } from '../../couchdb-design/username.ts';
import { reasonOf, type Database, type OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { commit, settle } from './commit.ts';
import { editsIn, editsOfPatch, isCovered, suspectsAmong, type Edit, type Edits } from './edits.ts';
import { openHandle } from './handle.ts';
import { readLeaves, readReplica, replicaOf, storeLeaves, type RawLeaf, type Source } from './replica.ts';
import type { Shape, Values } from './shape.ts';
import { supersededIn, type SupersededEdit } from './superseded.ts';
import { openUnsent } from './unsent.ts';
import { shownPreferences, storedOf, type Stored } from './view.ts';

export interface LocalStoreOptions {
  readonly username: Username;
  /** Of the database, and what the names of all else that is kept begin with. */
  readonly name: string;
  readonly shape: Shape;
  readonly defaults: Values;
  /** A sign-out was cut off: what is stored goes before anything of it is read. */
  readonly isLeaving?: boolean;
  readonly openDatabase: OpenDatabase;
  readonly environment: Pick<Environment, 'now' | 'random' | 'locks' | 'storage'>;
  /** Called after a write that other tabs do not hear of by PouchDB. */
  readonly onNoted: () => void;
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
  readonly sourceIn: (database: Database) => Source;
  readonly shown: () => Values;
  /** How many preferences were set here and not yet seen on the server, those being stored at this moment included. */
  readonly unsentCount: () => number;
  readonly suspects: () => Edits;
  readonly needsSettling: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Resolved when the edit is stored. Rejects with a sentence when a value is not allowed or storage fails. */
  readonly edit: (patch: Values) => Promise<void>;
  /** Resolves a conflict and puts what is unsent into the document, where there is either. */
  readonly settle: () => Promise<void>;
  /** The server holds these revisions. Resolves with whether it holds all that is here: then nothing of it is unsent. */
  readonly learn: (revisions: ReadonlySet<string>) => Promise<boolean>;
  /** Throws the database away and fills it from the server's leaves. What was unsent becomes suspects. */
  readonly replace: (serverLeaves: readonly RawLeaf[]) => Promise<void>;
  readonly dropSuspect: (edit: Edit) => Promise<void>;
  /** Opens the database again, after another tab has replaced it. */
  readonly reopen: () => Promise<void>;
  /** Reads what is stored again, such as what another tab has noted. */
  readonly refresh: () => Promise<void>;
  readonly inspect: () => Promise<StoredInspection>;
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
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
  const { name, shape, defaults } = options;
  const { locks, now, random, storage } = options.environment;
  const id = userDocumentId(options.username);
  const deviceKey = `${name}:device`;
  // Tabs of one name that cannot wait for each other could give one stamp to two edits: there each has a name of its own.
  const device = (locks.areShared ? storage.getItem(deviceKey) : undefined) ?? newDeviceId(random);
  storage.setItem(deviceKey, device);
  const unsent = openUnsent(storage, `${name}:unsent`);
  const listeners = new Set<() => void>();
  const pending = new Set<Values>();
  let stored: Stored | undefined;
  let shown = shownPreferences(options, undefined, [], defaults);

  const handle = openHandle({
    ...options,
    id,
    locks,
    // A read that fails finds the database closed: whoever did that says so, and it is read again then.
    onChange: () => void refresh().catch(() => undefined),
  });
  const { exclusive, isClosed } = handle;
  const sourceIn = (database: Database): Source => ({ database, id, shape });
  const source = (): Source => sourceIn(handle.database());

  const notify = (): void => {
    shown = shownPreferences(options, stored, [...pending], shown);
    for (const listener of listeners) listener();
  };
  /** Reads what is stored. Call it under the lock. */
  const load = async (): Promise<void> => {
    const before = stored?.unsent ?? [];
    stored = storedOf(await readReplica(source()), unsent.read());
    notify();
    for (const edit of supersededIn(stored.document, before, device)) options.onSuperseded(edit);
  };
  // All that is asked for while one waits for its turn is answered by that one.
  let next: Promise<void> | undefined;
  const refresh = (): Promise<void> => {
    next ??= exclusive(async () => {
      next = undefined;
      if (!isClosed()) await load();
    });
    return next;
  };

  const store = (patch: Values): Promise<void> =>
    exclusive(async () => {
      // What waits is stored together, as one revision: this one may have been already.
      if (!pending.has(patch)) return;
      await load();
      const together = [...pending];
      const { document, unsent: unsentEdits = [] } = stored ?? {};
      const stamps = [...Object.values(document?.edits ?? {}), ...unsentEdits.map(({ stamp }) => stamp)];
      const stamp = nextEditStamp({ now: now(), device, seen: latestEditStamp(stamps) });
      await commit(source(), unsent, editsOfPatch(Object.assign({}, ...together) as Values, stamp));
      await load();
      for (const one of together) pending.delete(one);
      options.onNoted();
    });

  /** Forgets those of the unsent edits. Call it under the lock. */
  const drop = async (isOver: (edit: Edit) => boolean): Promise<void> => {
    if (!unsent.read().some(isOver)) return;
    unsent.update((edits) => edits.filter((edit) => !isOver(edit)));
    options.onNoted();
    await load();
  };

  const ready = exclusive(async () => {
    if (options.isLeaving !== true) return;
    unsent.update(() => []);
    await handle.renew();
  }).then(refresh);
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);

  return {
    id,
    ready,
    database: handle.database,
    sourceIn,
    shown: () => shown,
    unsentCount: () =>
      new Set([...(stored?.unsent ?? []).map(({ key }) => key), ...[...pending].flatMap(Object.keys)]).size,
    suspects: () => stored?.suspects ?? [],
    needsSettling: () => stored?.needsSettling ?? false,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    edit: async (patch) => {
      if (isClosed()) throw new Error('The preferences are closed: the user has signed out.');
      const checked = shape.patch(patch);
      pending.add(checked);
      notify();
      try {
        await ready;
        await store(checked);
      } catch (error) {
        const reason = reasonOf(error);
        const told = /quota/i.test(reason) ? 'it has no room left.' : reason;
        throw new Error(`This browser could not store the change: ${told}`, { cause: error });
      } finally {
        pending.delete(checked);
        notify();
      }
    },
    settle: () =>
      exclusive(async () => {
        await settle(source(), unsent);
        await load();
      }),

    learn: (revisions) =>
      exclusive(async () => {
        const { leaves, document } = await readReplica(source());
        const isAllThere = leaves.every(({ rev }) => revisions.has(rev));
        if (isAllThere) await drop((edit) => isCovered(edit, document));
        return isAllThere;
      }),

    replace: (serverLeaves) =>
      exclusive(async () => {
        const { document } = await readReplica(source());
        const server = replicaOf(serverLeaves, shape).document;
        // Noted before the database goes: a tab that is closed now must not take them with it.
        unsent.update((edits) => suspectsAmong([...edits, ...editsIn(document)], server));
        await handle.renew();
        await storeLeaves(source(), serverLeaves);
        // Told before the lock is let go, so that a tab that waits for it writes to the new one.
        options.onReplaced();
        await load();
      }),
    dropSuspect: ({ stamp, key }) => exclusive(() => drop((edit) => edit.stamp === stamp && edit.key === key)),
    reopen: async () => {
      if (isClosed()) return;
      await handle.reopen();
      await refresh();
    },
    refresh,
    inspect: async () => ({ device, documentId: id, leaves: await readLeaves(source()), unsent: stored?.unsent ?? [] }),
    close: handle.close,
    destroy: async () => {
      await handle.destroy();
      unsent.update(() => []);
    },
  };
}

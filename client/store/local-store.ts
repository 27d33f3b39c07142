/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here knows of a network.
 *
 * All writes of all tabs of one user happen one at a time, under one lock. Replication alone writes beside it, and only
 * ever adds revisions; so a write that finds its parent no leaf any more reads again and tries again (commit.ts).
 */
import { latestEditStamp, newDeviceId, nextEditStamp, type DeviceId } from '../../couchdb-design/edit-stamp.ts';
import type { UserDocumentId, Username } from '../../couchdb-design/username.ts';
import { reasonOf, type Database, type OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { watchEdits, type SupersededEdit } from './at-risk.ts';
import { createCarried } from './carried.ts';
import { commit } from './commit.ts';
import { editsOfPatch, latestEdits, type Edit, type Edits } from './edits.ts';
import { openHandle } from './handle.ts';
import { learn, updateKept, type Kept } from './kept.ts';
import { documentOf, readLeaves, replicaOf, storeLeaves, type RawLeaf, type Source } from './replica.ts';
import type { Shape, Values } from './shape.ts';
import { needsSettling, readStored, shownPreferences, unsentOf, type Stored } from './view.ts';

export interface LocalStoreOptions {
  /** Of the document. */
  readonly id: UserDocumentId;
  readonly username: Username;
  /** Of the database, and what the names of all else that is kept begin with. */
  readonly name: string;
  readonly shape: Shape;
  readonly defaults: Values;
  /** A sign-out was cut off: what is stored goes before anything of it is read. */
  readonly isLeaving?: boolean;
  readonly openDatabase: OpenDatabase;
  readonly environment: Pick<Environment, 'now' | 'random' | 'locks' | 'storage' | 'onLeave'>;
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
  /** How many preferences differ from what the server is known to have, those being stored at this moment included. */
  readonly unsentCount: () => number;
  readonly suspects: () => Edits;
  readonly needsSettling: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Resolved when the edit is stored. Rejects with a sentence when a value is not allowed or storage fails. */
  readonly edit: (patch: Values) => Promise<void>;
  /** Resolves a conflict and puts the draft in its place, where there is either. */
  readonly settle: () => Promise<void>;
  /** All that was sent is known to hold: a later edit of another device is an ordinary change from here on. */
  readonly settled: () => void;
  /** The server holds these revisions. Resolves with whether it holds all that is here. */
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
  const { id, name, shape, defaults } = options;
  const { locks, now, random, storage } = options.environment;
  const carried = createCarried(storage, name);
  const deviceKey = `${name}:device`;
  // Tabs of one name that cannot wait for each other could give one stamp to two edits: there each has a name of its own.
  const device = (locks.areShared ? storage.getItem(deviceKey) : undefined) ?? newDeviceId(random);
  storage.setItem(deviceKey, device);
  const atRisk = watchEdits(device);
  const listeners = new Set<() => void>();
  const pending = new Set<Values>();
  let stored: Stored | undefined;
  let shown = shownPreferences(options, undefined, [], defaults);

  const unsent = (): Edits => (stored ? unsentOf(stored) : []);
  const handle = openHandle({
    ...options,
    id,
    locks,
    // A read that fails finds the database closed: whoever did that says so, and it is read again then.
    onChange: () => void refresh().catch(() => undefined),
    rescued: unsent,
  });
  const { source, exclusive, isClosed } = handle;

  const notify = (): void => {
    shown = shownPreferences(options, stored, [...pending], shown);
    for (const listener of listeners) listener();
  };

  // Reads follow one another; a change that comes during one is seen by the next.
  let reading: Promise<void> | undefined;
  let readAgain = false;
  const refresh = (): Promise<void> => {
    readAgain = true;
    reading ??= (async () => {
      try {
        while (readAgain && !isClosed()) {
          readAgain = false;
          stored = await handle.read(() => readStored(source()));
        }
        if (!stored || isClosed()) return;
        notify();
        for (const edit of atRisk.look(documentOf(stored), unsent())) options.onSuperseded(edit);
      } finally {
        reading = undefined;
      }
    })();
    return reading;
  };

  /** Writes what other tabs do not hear of by PouchDB. */
  const keep = async (change: (kept: Kept) => Kept): Promise<void> => {
    await updateKept(source().database, change);
    options.onNoted();
    await refresh();
  };
  const store = async (edit: Parameters<typeof commit>[1]): Promise<void> => {
    await exclusive(() => commit(source(), edit));
    options.onNoted();
  };

  // What is set while another edit waits for its turn becomes one revision with what else waits.
  let gathered: Values[] = [];
  let storing: Promise<void> | undefined;
  const gather = (patch: Values): Promise<void> => {
    const patches = gathered;
    const begin = (): void => {
      if (gathered !== patches) return;
      gathered = [];
      storing = undefined;
    };
    patches.push(patch);
    storing ??= store((seen) => {
      begin();
      return editsOfPatch(Object.assign({}, ...patches) as Values, nextEditStamp({ now: now(), device, seen }));
    }).finally(begin);
    return storing;
  };

  /** Whoever starts next takes what was carried, as edits of which nobody knows whether they are stored. */
  const takeCarried = (): Promise<void> =>
    carried.handOver(async (edits) => {
      if (edits.length === 0) return;
      await exclusive(() =>
        updateKept(source().database, (kept) => ({ ...kept, suspects: latestEdits([...kept.suspects, ...edits]) })),
      );
    });
  const endLeave = options.environment.onLeave(() => {
    if (isClosed() || pending.size === 0) return;
    const seen = latestEditStamp([
      ...Object.values((stored && documentOf(stored)?.edits) ?? {}),
      ...unsent().map(({ stamp }) => stamp),
    ]);
    carried.add(editsOfPatch(Object.assign({}, ...pending) as Values, nextEditStamp({ now: now(), device, seen })));
  });
  const ready = (options.isLeaving === true ? exclusive(handle.renew) : takeCarried()).then(refresh);
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);

  return {
    id,
    ready,
    database: () => source().database,
    sourceIn: (database) => ({ database, id, shape }),
    shown: () => shown,
    unsentCount: () => new Set([...unsent().map(({ key }) => key), ...[...pending].flatMap(Object.keys)]).size,
    suspects: () => stored?.suspects ?? [],
    needsSettling: () => stored !== undefined && needsSettling(stored),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    edit: async (patch) => {
      if (isClosed()) throw new Error('The preferences are closed: the user has signed out.');
      const checked = shape.patch(patch);
      if (Object.keys(checked).length === 0) return;
      pending.add(checked);
      notify();
      try {
        await ready;
        await gather(checked);
      } catch (error) {
        const reason = reasonOf(error);
        const told = /quota/i.test(reason) ? 'it has no room left.' : reason;
        throw new Error(`This browser could not store the change: ${told}`, { cause: error });
      } finally {
        await refresh().catch(() => undefined);
        pending.delete(checked);
        notify();
      }
    },
    settle: async () => {
      await store(() => []);
      await refresh();
    },
    settled: atRisk.clear,

    learn: async (revisions) => {
      const { leaves } = replicaOf(await readLeaves(source()), shape);
      const held = leaves.filter(({ rev }) => revisions.has(rev));
      const stamps = held.reduce((all, { document }) => learn(all, document.edits), stored?.known ?? {});
      if (stamps !== stored?.known) {
        await keep((kept) => {
          const known = learn(kept.known, stamps);
          return known === kept.known ? kept : { ...kept, known };
        });
      }
      return held.length === leaves.length;
    },

    replace: async (serverLeaves) => {
      await exclusive(async () => {
        carried.add(unsentOf(await readStored(source())));
        await carried.handOver(async (suspects) => {
          await handle.renew();
          const known = documentOf(replicaOf(serverLeaves, shape))?.edits ?? {};
          await updateKept(source().database, (kept) => ({ ...kept, suspects, known }));
          await storeLeaves(source(), serverLeaves);
        });
        // Told before the lock is let go, so that a tab that waits for it writes to the new one.
        options.onReplaced();
      });
      await refresh();
    },
    dropSuspect: ({ key, stamp }) =>
      keep((kept) => ({
        ...kept,
        suspects: kept.suspects.filter((edit) => edit.key !== key || edit.stamp !== stamp),
      })),
    reopen: async () => {
      if (isClosed()) return;
      await handle.reopen();
      await refresh();
    },
    refresh,
    inspect: async () => ({ device, documentId: id, leaves: await readLeaves(source()), unsent: unsent() }),
    close: () => {
      endLeave();
      return handle.close();
    },
    destroy: () => {
      endLeave();
      return handle.destroy();
    },
  };
}

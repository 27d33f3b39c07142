/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here knows of a network.
 *
 * All writes of all tabs of one user happen one at a time, under one lock. Replication alone writes beside it, and only
 * ever adds revisions; so a write that finds its parent no leaf any more reads again and tries again (commit.ts).
 */
import { newDeviceId, nextEditStamp, parseDeviceId } from '../../couchdb-design/edit-stamp.ts';
import { userDocumentId, type UserDocumentId, type Username } from '../../couchdb-design/username.ts';
import { databaseError, type Database, type OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { watchEdits, type SupersededEdit } from './at-risk.ts';
import { commit } from './commit.ts';
import { addEdits, editsOfPatch, readEdits, withoutEdits, type Edit } from './edits.ts';
import { openHandle } from './handle.ts';
import { inspectSource, type StoredInspection } from './inspect.ts';
import { forget, learn, readKnown, type Known } from './known.ts';
import { updateNote } from './notes.ts';
import { documentOf, readLeaves, type Source } from './replica.ts';
import type { Shape, Values } from './shape.ts';
import { fillAnew, heldIn, readStored } from './stored.ts';
import { needsSettling, shownPreferences, unsentOf, type Stored } from './view.ts';

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
  /** How many preferences differ from what the server is known to have, those being stored at this moment included. */
  readonly unsentCount: () => number;
  readonly suspects: () => readonly Edit[];
  readonly needsSettling: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Resolved when the edit is stored. Rejects with a sentence when a value is not allowed or storage fails. */
  readonly edit: (patch: Values) => Promise<void>;
  /** Resolves a conflict and puts the draft in its place, where there is either. */
  readonly settle: () => Promise<void>;
  /** All that was sent is known to hold: a later edit of another device is an ordinary change from here on. */
  readonly settled: () => void;
  /** The server has these documents (raw, with `_rev`), or the local revisions named. */
  readonly learnDocuments: (documents: readonly unknown[]) => Promise<void>;
  readonly learnRevisions: (revisions: readonly string[]) => Promise<void>;
  readonly forgetRevisions: (revisions: readonly string[]) => Promise<void>;
  /** Throws the database away and fills it from the server's leaves. What was unsent becomes suspects. */
  readonly replace: (serverLeaves: readonly object[]) => Promise<void>;
  readonly dropSuspect: (edit: Edit) => Promise<void>;
  /** Opens the database again, after another tab has replaced it. */
  readonly reopen: () => Promise<void>;
  /** Reads what is stored again, such as what another tab has noted. */
  readonly refresh: () => Promise<void>;
  readonly inspect: () => Promise<StoredInspection>;
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

export function createLocalStore(options: LocalStoreOptions): LocalStore {
  const { name, shape, environment, defaults } = options;
  const { storage } = environment;
  const id = userDocumentId(options.username);
  const carryKey = `${name}:carry`;
  const deviceKey = `${name}:device`;
  const device = parseDeviceId(storage.getItem(deviceKey)) ?? newDeviceId(environment.random);
  storage.setItem(deviceKey, device);
  const atRisk = watchEdits(device);
  const listeners = new Set<() => void>();
  const pending = new Set<Values>();
  let stored: Stored | undefined;
  let shown = shownPreferences(options, undefined, [], defaults);

  const unsent = (): readonly Edit[] => (stored === undefined ? [] : unsentOf(stored));
  const handle = openHandle({
    ...options,
    id,
    locks: environment.locks,
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
        if (isClosed()) return;
        notify();
        for (const edit of atRisk.look(stored && documentOf(stored.replica), unsent())) options.onSuperseded(edit);
      } finally {
        reading = undefined;
      }
    })();
    return reading;
  };

  /** Edits that a replacement was carrying over when it was cut off. */
  const takeCarried = async (): Promise<void> => {
    const text = storage.getItem(carryKey);
    if (text === null) return;
    await exclusive(async () => {
      const carried = readEdits(JSON.parse(text));
      await updateNote(source().database, 'suspects', (before) => addEdits(readEdits(before), carried));
      storage.removeItem(carryKey);
    });
  };

  const updateKnown = async (change: (known: Known) => Known): Promise<void> => {
    await updateNote(source().database, 'known', (before) => {
      const known = readKnown(before);
      const next = change(known);
      return next === known ? before : next;
    });
    options.onNoted();
    await refresh();
  };

  // What is set while another edit waits for its turn becomes one revision with what else waits.
  let gathering: { readonly patches: Values[]; readonly done: Promise<void> } | undefined;
  const store = (patch: Values): Promise<void> => {
    if (gathering === undefined) {
      const patches: Values[] = [];
      const done = exclusive(() => {
        gathering = undefined;
        return commit(source(), (seen) =>
          editsOfPatch(
            Object.assign({}, ...patches) as Values,
            nextEditStamp({ now: environment.now(), device, seen }),
          ),
        );
      });
      gathering = { patches, done };
    }
    gathering.patches.push(patch);
    return gathering.done;
  };

  const ready = (options.isLeaving === true ? exclusive(handle.renew) : takeCarried()).then(refresh);
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);

  return {
    id,
    ready,
    database: () => source().database,
    sourceIn: (database) => ({ database, id, shape }),
    shown: () => shown,
    unsentCount: () =>
      new Set([...unsent().map(({ key }) => key), ...[...pending].flatMap((patch) => Object.keys(patch))]).size,
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
        await store(checked);
        options.onNoted();
      } catch (error) {
        if (error instanceof RangeError) throw error;
        throw new Error(`This browser could not store the change: ${databaseError(error).reason}`, { cause: error });
      } finally {
        await refresh()
          .catch(() => undefined)
          .finally(() => {
            pending.delete(checked);
            notify();
          });
      }
    },
    settle: async () => {
      await exclusive(() => commit(source(), () => []));
      options.onNoted();
      await refresh();
    },
    settled: () => atRisk.clear(),

    learnDocuments: (documents) => updateKnown((known) => learn(known, heldIn(documents, shape))),
    learnRevisions: async (revisions) => {
      const leaves = await readLeaves(source());
      const named = leaves.filter(({ _rev }) => revisions.some((revision) => revision === _rev));
      await updateKnown((known) => learn(known, heldIn(named, shape)));
    },
    forgetRevisions: (revisions) => updateKnown((known) => forget(known, revisions)),

    replace: async (serverLeaves) => {
      await exclusive(async () => {
        const edits = unsentOf(await readStored(source()));
        // Between here and the end the edits are in no database: a tab that is closed now must not take them with it.
        storage.setItem(carryKey, JSON.stringify(edits));
        await handle.renew();
        await fillAnew(source(), serverLeaves, edits);
        storage.removeItem(carryKey);
        // Told before the lock is let go, so that a tab that waits for it writes to the new one.
        options.onReplaced();
      });
      await refresh();
    },
    dropSuspect: async (edit) => {
      await updateNote(source().database, 'suspects', (before) => withoutEdits(readEdits(before), [edit]));
      options.onNoted();
      await refresh();
    },
    reopen: async () => {
      if (isClosed()) return;
      await handle.reopen();
      await refresh();
    },
    refresh,
    inspect: () => inspectSource(source(), device, unsent()),
    close: handle.close,
    destroy: handle.destroy,
  };
}

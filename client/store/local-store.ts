/**
 * The preferences in this browser: what is shown, and how an edit is stored. Nothing here knows of a network.
 *
 * All writes of all tabs of one user happen one at a time, under one lock. Replication alone writes beside it, and only
 * ever adds revisions; so a write that finds its parent no leaf any more reads again and tries again (commit.ts).
 */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { newDeviceId, nextEditStamp } from '../../couchdb-design/edit-stamp.ts';
import {
  preferencesPatchSchema,
  userDocumentId,
  type PreferencesPatch,
  type UserDocumentId,
  type Username,
} from '../../couchdb-design/user-document.ts';
import { databaseName, type Database, type OpenDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import { commit } from './commit.ts';
import { addEdits, editsOfPatch, readEdits, withoutEdits, type Edit } from './edits.ts';
import { forget, learn, readKnown, type Known } from './known.ts';
import { updateNote } from './notes.ts';
import { readLeaves } from './replica.ts';
import { fillAnew, heldIn, readStored } from './stored.ts';
import { needsSettling, shownPreferences, unsentOf, type ShownPreferences, type Stored } from './view.ts';

export interface LocalStoreOptions {
  readonly username: Username;
  readonly openDatabase: OpenDatabase;
  readonly environment: Pick<Environment, 'now' | 'random' | 'locks' | 'storage'>;
  /** Called after a write that other tabs do not hear of by PouchDB. */
  readonly onNoted: () => void;
  /** Called when the local database was made anew: other tabs hold a handle that is dead. */
  readonly onReplaced: () => void;
}

export interface LocalStore {
  readonly id: UserDocumentId;
  /** Resolved when what is stored has been read. Rejected when the browser gives no storage. */
  readonly ready: Promise<void>;
  /** The handle to replicate with. `replace` and `reopen` make another one. */
  readonly database: () => Database;
  readonly shown: () => ShownPreferences;
  /** How many preferences differ from what the server is known to have, those being stored at this moment included. */
  readonly unsentCount: () => number;
  readonly suspects: () => readonly Edit[];
  readonly needsSettling: () => boolean;
  readonly subscribe: (listener: () => void) => () => void;
  /** Resolved when the edit is stored. Rejects with a sentence when a value is not allowed or storage fails. */
  readonly edit: (patch: PreferencesPatch) => Promise<void>;
  /** Resolves a conflict and puts the draft in its place, where there is either. */
  readonly settle: () => Promise<void>;
  /** The server has these documents (raw, with `_rev`), or the local revisions named. */
  readonly learnDocuments: (documents: readonly unknown[]) => Promise<void>;
  readonly learnRevisions: (revisions: readonly string[]) => Promise<void>;
  readonly forgetRevisions: (revisions: readonly string[]) => Promise<void>;
  /** Throws the database away and fills it from the server's leaves. What was unsent becomes suspects. */
  readonly replace: (serverLeaves: readonly Record<string, unknown>[]) => Promise<void>;
  readonly dropSuspect: (edit: Edit) => Promise<void>;
  /** Opens the database again, after another tab has replaced it. */
  readonly reopen: () => Promise<void>;
  /** Reads what another tab has noted. */
  readonly refresh: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

export function createLocalStore(options: LocalStoreOptions): LocalStore {
  const { username, openDatabase, environment } = options;
  const id = userDocumentId(username);
  const name = databaseName(username);
  const carryKey = `${name}:carry`;
  const device = newDeviceId(environment.random);
  const listeners = new Set<() => void>();
  const pending = new Set<PreferencesPatch>();

  let database = openDatabase(name);
  let feed: { cancel: () => void } | undefined;
  let stored: Stored | undefined;
  let shown = shownPreferences(username, undefined, []);
  let closed = false;

  const exclusive = <T>(task: () => Promise<T>): Promise<T> => environment.locks.exclusive(`${name}:write`, task);

  const notify = (): void => {
    const next = shownPreferences(username, stored, [...pending]);
    // The same object for the same preferences: what is shown need not be drawn again.
    if (canonicalJson(next) !== canonicalJson(shown)) shown = next;
    for (const listener of listeners) listener();
  };

  // Reads follow one another; a change that comes during one is seen by the next.
  let reading: Promise<void> | undefined;
  let readAgain = false;
  const refresh = (): Promise<void> => {
    readAgain = true;
    reading ??= (async () => {
      try {
        while (readAgain && !closed) {
          readAgain = false;
          stored = await readStored(database, id);
        }
        if (!closed) notify();
      } finally {
        reading = undefined;
      }
    })();
    return reading;
  };

  /** A read that fails finds the database closed or replaced: whoever did that says so, and it is read again then. */
  const refreshQuietly = (): void => void refresh().catch(() => undefined);

  const listen = (): void => {
    feed = database.changes({ live: true, since: 0, doc_ids: [id] }).on('change', refreshQuietly);
  };

  /** Edits that a replacement was carrying over when it was cut off. */
  const takeCarried = async (): Promise<void> => {
    const text = environment.storage.getItem(carryKey);
    if (text === null) return;
    await exclusive(async () => {
      const carried = readEdits(JSON.parse(text));
      await updateNote(database, 'suspects', (before) => addEdits(readEdits(before), carried));
      environment.storage.removeItem(carryKey);
    });
  };

  const updateKnown = async (change: (known: Known) => Known): Promise<void> => {
    await updateNote(database, 'known', (before) => {
      const known = readKnown(before);
      const next = change(known);
      return next === known ? before : next;
    });
    options.onNoted();
    await refresh();
  };

  const ready = takeCarried().then(() => {
    listen();
    return refresh();
  });
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);

  return {
    id,
    ready,
    database: () => database,
    shown: () => shown,
    unsentCount: () => {
      const keys = (stored === undefined ? [] : unsentOf(stored)).map(({ key }) => key);
      return new Set([...keys, ...[...pending].flatMap((patch) => Object.keys(patch))]).size;
    },
    suspects: () => stored?.suspects ?? [],
    needsSettling: () => stored !== undefined && needsSettling(stored),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    edit: async (patch) => {
      if (closed) throw new Error('The preferences are closed: the user has signed out.');
      const read = preferencesPatchSchema.safeParse(patch);
      if (!read.success) throw new RangeError(read.error.issues.map(({ message }) => message).join(' '));
      if (Object.keys(read.data).length === 0) return;
      pending.add(read.data);
      notify();
      try {
        await ready;
        await exclusive(() =>
          commit(database, id, (seen) =>
            editsOfPatch(read.data, nextEditStamp({ now: environment.now(), device, seen })),
          ),
        );
        options.onNoted();
      } finally {
        await refresh().finally(() => {
          pending.delete(read.data);
          notify();
        });
      }
    },

    settle: async () => {
      await exclusive(() => commit(database, id, () => []));
      options.onNoted();
      await refresh();
    },

    learnDocuments: (documents) => updateKnown((known) => learn(known, heldIn(documents))),
    learnRevisions: async (revisions) => {
      const leaves = await readLeaves(database, id);
      await updateKnown((known) =>
        learn(known, heldIn(leaves.filter(({ _rev }) => revisions.some((revision) => revision === _rev)))),
      );
    },
    forgetRevisions: (revisions) => updateKnown((known) => forget(known, revisions)),

    replace: async (serverLeaves) => {
      await exclusive(async () => {
        const unsent = unsentOf(await readStored(database, id));
        // Between here and the end the edits are in no database: a tab that is closed now must not take them with it.
        environment.storage.setItem(carryKey, JSON.stringify(unsent));
        feed?.cancel();
        await database.destroy();
        database = openDatabase(name);
        await fillAnew(database, serverLeaves, unsent);
        environment.storage.removeItem(carryKey);
        // Told before the lock is let go, so that a tab that waits for it writes to the new one.
        options.onReplaced();
      });
      listen();
      await refresh();
    },
    dropSuspect: async (edit) => {
      await updateNote(database, 'suspects', (before) => withoutEdits(readEdits(before), [edit]));
      options.onNoted();
      await refresh();
    },

    reopen: async () => {
      if (closed) return;
      feed?.cancel();
      await database.close().catch(() => undefined);
      database = openDatabase(name);
      listen();
      await refresh();
    },
    refresh,
    close: async () => {
      if (closed) return;
      closed = true;
      feed?.cancel();
      await exclusive(() => database.close().catch(() => undefined));
    },
    destroy: async () => {
      closed = true;
      feed?.cancel();
      await exclusive(async () => {
        await database.destroy();
        environment.storage.removeItem(carryKey);
      });
    },
  };
}

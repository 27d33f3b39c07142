import { access, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import PouchDB from 'pouchdb-core';
import { EngineDatabase } from './database.ts';
import { openPouch, type LocalPouch } from './pouchdb.ts';
import { createQueue } from './write-queue.ts';

export type EmbeddedStorage =
  { readonly kind: 'disk'; readonly directory: string } | { readonly kind: 'memory'; readonly name: string };

/** Where an engine's databases are. A database that is not there is undefined, never made by asking for it. */
export interface Storage {
  names(): Promise<string[]>;
  open(name: string): Promise<EngineDatabase | undefined>;
  /** False when it is there already. */
  create(name: string): Promise<boolean>;
  /** False when it is not there. */
  destroy(name: string): Promise<boolean>;
  close(): Promise<void>;
}

/** What CouchDB allows, but for the slash: https://docs.couchdb.org/en/stable/api/database/common.html#put--db */
const DATABASE_NAME = /^(?:[a-z][a-z0-9_$()+-]{0,99}|_users|_replicator|_global_changes)$/;

/** PouchDB keeps a view's index in a database of its own, named after the database that it indexes. */
const INDEX_INFIX = '-mrview-';

export const isDatabaseName = (name: string): boolean => DATABASE_NAME.test(name) && !name.includes(INDEX_INFIX);

/** The engine's own database. CouchDB's rule keeps its name out of every request's reach. */
export const ENGINE_DATABASE = '_engine';

/** Databases in memory outlive the engine that opened them, so that a test can start it again. */
const memoryStorages = new Map<string, Storage>();

export async function openStorage(storage: EmbeddedStorage): Promise<Storage> {
  switch (storage.kind) {
    case 'memory': {
      const kept = memoryStorages.get(storage.name) ?? memoryStorage(storage.name);
      memoryStorages.set(storage.name, kept);
      return kept;
    }
    case 'disk':
      await mkdir(storage.directory, { recursive: true, mode: 0o700 });
      return diskStorage(resolve(storage.directory));
  }
}

type Handles = Map<string, Promise<EngineDatabase>>;

function memoryStorage(name: string): Storage {
  const handles: Handles = new Map();
  return {
    ...withHandles(
      handles,
      (database) => openPouch(`memory:${name}/${database}`, 'memory'),
      (database) => Promise.resolve(handles.has(database)),
    ),
    names: () => Promise.resolve([...handles.keys()].sort()),
    close: () => Promise.resolve(),
  };
}

/** A directory for each database. LevelDB writes `CURRENT` last, so a database is there when that file is. */
function diskStorage(directory: string): Storage {
  const handles: Handles = new Map();
  const indexes = trackIndexes(directory);
  const exists = (name: string): Promise<boolean> =>
    access(join(directory, name, 'CURRENT')).then(
      () => true,
      () => false,
    );
  return {
    ...withHandles(handles, (name) => openPouch(join(directory, name), 'leveldb'), exists),
    async names() {
      const entries = (await readdir(directory)).filter((name) => !name.includes(INDEX_INFIX));
      const found = await Promise.all(entries.map(async (name) => ((await exists(name)) ? [name] : [])));
      return found.flat().sort();
    },
    async close() {
      for (const handle of handles.values()) await (await handle).pouch.close();
      handles.clear();
      for (const index of indexes.stop()) await (await openPouch(index, 'leveldb')).close();
    },
  };
}

function withHandles(
  handles: Handles,
  openOne: (name: string) => Promise<LocalPouch>,
  exists: (name: string) => Promise<boolean>,
): Pick<Storage, 'open' | 'create' | 'destroy'> {
  const queue = createQueue();
  const handle = (name: string): Promise<EngineDatabase> => {
    const known = handles.get(name) ?? openOne(name).then((pouch) => new EngineDatabase(name, pouch));
    handles.set(name, known);
    known.catch(() => handles.delete(name));
    return known;
  };
  return {
    open: (name) => handles.get(name) ?? queue(async () => ((await exists(name)) ? await handle(name) : undefined)),
    create: (name) =>
      queue(async () => {
        if (await exists(name)) return false;
        await handle(name);
        return true;
      }),
    destroy: (name) =>
      queue(async () => {
        if (!(await exists(name))) return false;
        const database = await handle(name);
        handles.delete(name);
        await database.destroy();
        return true;
      }),
  };
}

/** Closing a PouchDB leaves the indexes of its views open, so those that were opened are closed by name. */
function trackIndexes(directory: string): { stop: () => Set<string> } {
  const opened = new Set<string>();
  const track = (name: string): void => {
    if (name.startsWith(directory) && name.includes(INDEX_INFIX)) opened.add(name);
  };
  PouchDB.on('created', track);
  return {
    stop() {
      PouchDB.removeListener('created', track);
      return opened;
    },
  };
}

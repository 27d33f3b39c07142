import { access, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import PouchDB from 'pouchdb-core';
import { EngineDatabase } from './database.ts';
import { openPouch, type LocalPouch } from './pouchdb.ts';

export type EmbeddedStorage =
  { readonly kind: 'disk'; readonly directory: string } | { readonly kind: 'memory'; readonly name: string };

/** The databases of an engine. */
export interface Storage {
  names(): Promise<string[]>;
  /** Resolves with undefined when the database does not exist. Never creates it. */
  open(name: string): Promise<EngineDatabase | undefined>;
  /** Resolves with false when the database exists already. */
  create(name: string): Promise<boolean>;
  /** Resolves with false when the database does not exist. */
  destroy(name: string): Promise<boolean>;
  close(): Promise<void>;
}

/** CouchDB's rule, without the slash: https://docs.couchdb.org/en/stable/api/database/common.html#put--db */
const DATABASE_NAME = /^(?:[a-z][a-z0-9_$()+-]{0,99}|_users|_replicator|_global_changes)$/;

/** PouchDB stores the index of a view in a separate database, named after the indexed one with this infix. */
const INDEX_INFIX = '-mrview-';

/** Returns whether requests may address a database of this name. */
export const isDatabaseName = (name: string): boolean => DATABASE_NAME.test(name) && !name.includes(INDEX_INFIX);

/** The engine's internal database. No request can address it, since CouchDB's rule forbids its name. */
export const ENGINE_DATABASE = '_engine';

/** Databases in memory outlive their engine, so that a test can restart it. */
const memoryStorages = new Map<string, Storage>();

/** Opens the databases of an engine. Rejects when the directory cannot be created. */
export async function openStorage(storage: EmbeddedStorage): Promise<Storage> {
  switch (storage.kind) {
    case 'memory': {
      const opened = memoryStorages.get(storage.name) ?? memoryStorage(storage.name);
      memoryStorages.set(storage.name, opened);
      return opened;
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

/** Each database is a directory. LevelDB writes `CURRENT` last, so a database exists once that file does. */
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
  const queue = pLimit(1);
  const handle = (name: string): Promise<EngineDatabase> => {
    const opening = handles.get(name) ?? openOne(name).then((pouch) => new EngineDatabase(name, pouch));
    handles.set(name, opening);
    opening.catch(() => handles.delete(name));
    return opening;
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

/** Closing a PouchDB leaves its view indexes open. This tracks the opened ones, so that they can be closed by name. */
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

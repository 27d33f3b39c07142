import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-core';
import mapreduce from 'pouchdb-mapreduce';
import { StoredRevisions, type RevisionTree } from './revision-tree.ts';

for (const plugin of [mapreduce, memoryAdapter]) PouchDB.plugin(plugin);

let levelDb: Promise<void> | undefined;

/** Loads the adapter for disks, which has native code. An engine in memory does without it. */
export function loadLevelDb(): Promise<void> {
  levelDb ??= import('pouchdb-adapter-leveldb').then(({ default: adapter }) => {
    PouchDB.plugin(adapter);
  });
  return levelDb;
}

/** A JSON object as stored in a database, underscore members included. */
export type Json = Record<string, unknown>;

/** The used methods of a local PouchDB. The private ones are the only access to revision trees and sequences. */
export interface LocalPouch extends Omit<PouchDB.Database, 'get' | 'changes'> {
  get(id: string, options?: { rev?: string; conflicts?: boolean; revs?: boolean }): Promise<Json>;
  changes(options: Json): Promise<{ results: ChangeRow[]; last_seq: number }>;
  _get(
    id: string,
    options: { rev: string },
    done: (error: unknown, found?: { metadata: { seq: number } }) => void,
  ): void;
  _getRevisionTree(id: string, done: (error: unknown, tree?: RevisionTree) => void): void;
}

export interface ChangeRow {
  id: string;
  seq: number;
  changes: { rev: string }[];
  deleted?: boolean;
  doc?: Json;
}

/**
 * Opens a database and waits until it is open. `name` must be unique in the process: two PouchDB objects that open the
 * same files at once get half-open stores, and PouchDB sends a `destroyed` event to all objects of a name.
 */
export async function openPouch(name: string, adapter: 'leveldb' | 'memory'): Promise<LocalPouch> {
  if (adapter === 'leveldb') await loadLevelDb();
  const pouch = new PouchDB(name, { adapter }) as unknown as LocalPouch;
  // PouchDB adds a listener for each read of changes, and a write lets all live feeds read at once. Node warns above ten.
  pouch.setMaxListeners(0);
  await pouch.info();
  return pouch;
}

/** Resolves with the document's revisions; none when it never existed. */
export function readRevisions(pouch: LocalPouch, id: string): Promise<StoredRevisions> {
  return new Promise((resolve, reject) => {
    pouch._getRevisionTree(id, (error, tree) => {
      if (tree !== undefined) resolve(new StoredRevisions(tree));
      else if (isMissing(error)) resolve(new StoredRevisions());
      else reject(asError(error));
    });
  });
}

/** Resolves with the sequence of the document's last change. */
export function readSequence(pouch: LocalPouch, id: string, rev: string): Promise<number> {
  return new Promise((resolve, reject) => {
    pouch._get(id, { rev }, (error, found) => {
      if (found !== undefined) resolve(found.metadata.seq);
      else reject(asError(error));
    });
  });
}

/** Resolves with the document; undefined when it or its body does not exist. */
export async function readDocument(pouch: LocalPouch, id: string, rev?: string): Promise<Json | undefined> {
  try {
    return await pouch.get(id, rev === undefined ? {} : { rev });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Returns whether a PouchDB error has the status 404. */
export const isMissing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'status' in error && error.status === 404;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** The local PouchDB: how it is typed, named and opened. */
import PouchDB from 'pouchdb-browser';
import type { Username } from '../../couchdb-design/username.ts';

export type StoredBody = Record<string, unknown>;
export type Database = PouchDB.Database<StoredBody>;
export type OpenDatabase = (name: string) => Database;

/** Every user has a database of their own in the browser: what one has stored is never read for another. */
export const databaseName = (namespace: string, username: Username): string => `${namespace}_${username}`;

/**
 * IndexedDB, as pouchdb-browser has it. Old revisions' bodies are of no use here (replication sends leaves only), so
 * they are compacted away as they are replaced.
 */
export const openBrowserDatabase: OpenDatabase = (name) => new PouchDB<StoredBody>(name, { auto_compaction: true });

/** The database on the server. `fetch` carries the token, so that the URL never does. */
export const openRemoteDatabase = (url: string, fetch: typeof globalThis.fetch): Database =>
  new PouchDB<StoredBody>(url, {
    skip_setup: true,
    fetch: (target, init) => fetch(target, init),
  });

/** What PouchDB rejects with. */
export interface DatabaseError {
  readonly status: number | undefined;
  readonly name: string;
  readonly reason: string;
}

export const databaseError = (error: unknown): DatabaseError => {
  const { status, name, reason, message } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  return {
    status: typeof status === 'number' ? status : undefined,
    name: typeof name === 'string' ? name : 'unknown',
    reason: typeof reason === 'string' ? reason : typeof message === 'string' ? message : 'An unknown error.',
  };
};

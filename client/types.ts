/** What an application gives to a store of preferences, and what it gets. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { PatchOf, Preferences } from '../couchdb-design/user-document/preference-rules.ts';
import type { OpenDatabase } from './platform/database.ts';
import type { Environment } from './platform/environment.ts';
import type { GetToken } from './sync/http/authorized-fetch.ts';
import type { SupersededEdit } from './store/superseded-edits.ts';
import type { StoredInspection } from './store/local-store.ts';
import type { SyncTiming } from './sync/sync-loop.ts';
import type { RefusedEdit, SyncStatus } from './sync/status.ts';

/** All preferences that the schema knows, with the defaults for what was never set. */
export type ShownOf<P extends object, D extends object> = Omit<P, keyof D> & Required<Pick<P, keyof D & keyof P>>;
export type ShownPreferences = Required<Preferences>;

export interface StoreOptions {
  /** The database on the server, e.g. `https://example.org/sync/user_registry`. */
  readonly url: string;
  readonly username: string;
  /** See GetToken: it must give tokens of this user and of nobody else. */
  readonly getToken: GetToken;
  /** What user documents' ids begin with on the server (its `ID_PREFIX`), `user_` unless told. */
  readonly idPrefix?: string;
  /** The person has signed out in another tab: the data is gone, and this store is closed. */
  readonly onSignedOut?: () => void;
  /** What every name in the browser's storage begins with, `pouchgate` unless told. Two stores with two are two devices. */
  readonly namespace?: string;
  /** How the local database is opened, in place of IndexedDB. */
  readonly openDatabase?: OpenDatabase;
  readonly environment?: Partial<Environment>;
  readonly timing?: Partial<SyncTiming>;
}

/**
 * The application's own preferences: any validator that speaks Standard Schema (https://standardschema.dev), of an object
 * whose members are all optional and checked each for itself, as JSON, and at once. The server must know the same.
 */
export interface SchemaOptions<P extends object, D extends Partial<P>> {
  readonly schema: StandardSchemaV1<unknown, P>;
  /** Shown for what was never set. They are never stored, so that a better default reaches everybody. */
  readonly defaults?: D;
}

export interface StoreEvents<P extends object> {
  /** The server would not take an edit, and it was taken back. */
  readonly refused: RefusedEdit;
  /** An edit that had not arrived everywhere gave way to a later one of another device. */
  readonly superseded: SupersededEdit & { readonly key: keyof P & string };
}

/** The document's leaves, what is unsent, and what has happened to the status: for whoever wants to see how it works. */
export interface DebugSnapshot extends StoredInspection {
  /** Whether this tab syncs for all. */
  readonly isLeader: boolean;
  /** Milliseconds since 1970 and what happened, newest last, fifty at most. */
  readonly events: readonly { readonly at: number; readonly text: string }[];
}

export interface PreferencesStore<P extends object = Preferences, Shown extends object = ShownPreferences> {
  readonly username: string;
  /** Resolved when what is stored in the browser has been read. Rejects when the browser gives no storage. */
  readonly ready: Promise<void>;
  /** All preferences, with the defaults. The same object until something changes, and the same values in it. */
  readonly get: () => Shown;
  /**
   * Sets what the patch names; `null` removes. Shown at once, resolved when stored in the browser. Rejects with a
   * RangeError when the schema does not take it, and with an Error when the browser cannot store it; then nothing is set.
   */
  readonly set: (patch: PatchOf<P>) => Promise<void>;
  readonly remove: (key: keyof P) => Promise<void>;
  /** Called after every change of the preferences or of the status. Returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Returns what ends that. */
  readonly on: <E extends keyof StoreEvents<P>>(event: E, listener: (edit: StoreEvents<P>[E]) => void) => () => void;
  /** The same object until something changes. */
  readonly status: () => SyncStatus;
  /** Tries to sync now: after signing in again, or when a person asks for it. */
  readonly retry: () => void;
  /** The person has read which edits were refused. */
  readonly dismissRefused: () => void;
  readonly inspect: () => Promise<DebugSnapshot>;
  /** Stops, and keeps what is stored. */
  readonly close: () => Promise<void>;
  /**
   * Sends what is unsent (for three seconds at the most), stops, and removes everything of this user's from the browser.
   * When it is cut off, the next store, or eraseLocalData, does the rest.
   */
  readonly signOut: (options?: { readonly keepData?: boolean }) => Promise<void>;
}

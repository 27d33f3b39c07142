/** The public types of a store: its options, its events and its members. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { PatchOf, Preferences } from '../couchdb-design/user-document/preference-rules.ts';
import type { Upgrade } from '../couchdb-design/user-document/upgrade-function.ts';
import type { OpenDatabase } from './platform/pouch-database.ts';
import type { Environment } from './platform/environment.ts';
import type { GetToken } from './sync/http/token-source.ts';
import type { SupersededEdit } from './store/superseded-edits.ts';
import type { StoredSnapshot } from './store/stored-snapshot.ts';
import type { RefusedEdit, SyncStatus } from './sync/status.ts';
import type { SyncTiming } from './sync/timing.ts';

/** The preferences of a schema `P` as they are shown: those with a default in `D` are always present. */
export type ShownOf<P extends object, D extends object> = Omit<P, keyof D> & {
  // `Required` keeps the `undefined` of a schema's optional members under `exactOptionalPropertyTypes`.
  [K in keyof D & keyof P]-?: Exclude<P[K], undefined>;
};
/** The built-in preferences as they are shown: all are present. */
export type ShownPreferences = Required<Preferences>;

/** Options of {@link createPreferencesStore}. */
export interface StoreOptions {
  /** The URL of the database on the server, e.g. `https://example.org/sync/user_registry`. */
  readonly url: string;
  /**
   * The user whose preferences to open: the unchanged claim of the tokens that names the user, usually `sub`, such as
   * `auth0|5f7c8ec7c33c`. It has 1 to 255 characters and is case-sensitive. The tokens must be this user's.
   */
  readonly username: string;
  /** Returns an access token of this user, or `undefined` to require sign-in. It is called before every request. */
  readonly getToken: GetToken;
  /** The prefix of the user documents' ids on the server (its `ID_PREFIX`). Default: `user_`. */
  readonly idPrefix?: string;
  /** Called when the user has signed out in another tab. The data is removed, and this store is closed. */
  readonly onSignedOut?: () => void;
  /**
   * The prefix of all names in the browser's storage. Stores with different namespaces are different devices. Default:
   * `pouchgate`.
   */
  readonly namespace?: string;
  /**
   * Opens the local database with a PouchDB that has the adapter for HTTP and the replication. Default: in IndexedDB, or in
   * memory while IndexedDB does not work. On a server there is no default: without `openDatabase` the store only shows the
   * defaults there.
   */
  readonly openDatabase?: OpenDatabase;
  /** Replaces parts of the platform, for tests or other platforms than a browser. Default: the browser's. */
  readonly environment?: Partial<Environment>;
  /** The timing of the sync, in milliseconds. Default: `{ heartbeat: 5_000, silence: 9_000, response: 10_000 }`. */
  readonly timing?: Partial<SyncTiming>;
}

/**
 * The application's own preferences: a validator that implements Standard Schema (https://standardschema.dev), such as Zod.
 * It validates an object whose members are all optional and independent of each other. It must be synchronous, and return
 * JSON values as they are: without defaults, conversions or dates. Configure the server with the same schema.
 */
export interface SchemaOptions<P extends object, D extends Partial<P>> {
  /** The schema of all preferences. */
  readonly schema: StandardSchemaV1<unknown, P>;
  /** The values of preferences that were never set. They are not stored, so a changed default reaches every user. */
  readonly defaults?: D;
  /**
   * Converts what earlier versions of the application stored into values of this schema. It must be a pure function that accepts
   * any subset of the values and returns current values as they are. The result is shown, and new preferences are stored with
   * the next edit. Stored values stay, for versions of the application that still read them. Configure the server with the same
   * function.
   *
   * @example
   * ```ts
   * const upgrade: Upgrade = ({ colour, ...values }) => (colour === undefined ? values : { theme: colour, ...values });
   * ```
   */
  readonly upgrade?: Upgrade;
}

/** The events of a store, and what their listeners receive. */
export interface StoreEvents<P extends object> {
  /** The server rejected an edit, and it was taken back. */
  readonly refused: RefusedEdit;
  /** A later edit of another device replaced an edit that was not yet synced. */
  readonly superseded: SupersededEdit & { readonly key: keyof P & string };
}

/** What the browser has stored, and the latest changes of the status, for inspecting how the sync works. */
export interface DebugSnapshot extends StoredSnapshot {
  /** Whether this tab syncs for all tabs of the browser. */
  readonly isLeader: boolean;
  /** The latest status events, at most 50, newest last: the time in milliseconds since 1970, and what happened. */
  readonly events: readonly { readonly at: number; readonly text: string }[];
}

/** The preferences of one user. Its functions need no `this`, so they can be passed on separately. */
export interface PreferencesStore<P extends object = Preferences, Shown extends object = ShownPreferences> {
  /** The user whose preferences these are. */
  readonly username: string;
  /** The values of the preferences before any is set, and before the stored ones are read. Frozen. */
  readonly defaults: Shown;
  /**
   * Resolves when the stored preferences have been read; on a server without `openDatabase`, at once. Rejects when no
   * database can be opened. The store then retries at intervals.
   */
  readonly ready: Promise<void>;
  /** Returns all preferences with their defaults: the same frozen object, with the same values, until one changes. */
  readonly get: () => Shown;
  /**
   * Sets the preferences in a patch; `null` removes one. `get` returns the new values at once.
   *
   * @param patch - New values by preference.
   * @returns A promise that resolves when the edit is stored in the browser, before it is sent.
   * @throws Rejects with a RangeError that names the member when a value is invalid or the document would have more than 64 KiB,
   * and with an Error when the browser cannot store the edit. Nothing is set then.
   */
  readonly set: (patch: PatchOf<P>) => Promise<void>;
  /** Removes one preference, so that its default applies. Resolves and rejects as `set`. */
  readonly remove: (key: keyof P) => Promise<void>;
  /** Calls `listener` after every change of the preferences or the status. Returns a function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Calls `listener` at every event of this kind. Returns a function that unsubscribes. */
  readonly on: <E extends keyof StoreEvents<P>>(event: E, listener: (edit: StoreEvents<P>[E]) => void) => () => void;
  /** Returns the sync status: the same frozen object until it changes. */
  readonly status: () => SyncStatus;
  /** Retries the sync at once. Call it after the user has signed in again, or when the user requests it. */
  readonly retry: () => void;
  /** Removes the rejected edits from the status. Call it when the user has seen them. */
  readonly dismissRefused: () => void;
  /** Resolves with what is stored and what has happened. Rejects when the local database cannot be read. */
  readonly inspect: () => Promise<DebugSnapshot>;
  /** Stops the sync and closes the local database. The stored data is kept. */
  readonly close: () => Promise<void>;
  /**
   * Sends unsent edits (for at most three seconds), stops the sync, and removes all data of this user from the browser. If
   * it is interrupted, the user's next store or `eraseLocalData` removes the rest.
   *
   * @param options - `keepData` keeps the stored data. Default: false.
   * @throws Rejects with an Error when the browser does not delete the database in time. The user is signed out nevertheless,
   * and the rest is removed as after an interruption.
   */
  readonly signOut: (options?: { readonly keepData?: boolean }) => Promise<void>;
}

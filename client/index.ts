/** The browser library: one user's preferences, kept in the browser and synced with Pouchgate. */
import './platform/no-eval.ts';

export { createPreferencesStore, type PreferencesStore, type PreferencesStoreOptions } from './preferences-store.ts';
export type { Database, OpenDatabase } from './platform/database.ts';
export type { Environment } from './platform/environment.ts';
export type { GetToken } from './platform/sync-fetch.ts';
export type { RefusedEdit, SyncState, SyncStatus } from './sync/status.ts';
export type { SyncTiming } from './sync/keep-syncing.ts';
export type { ShownPreferences } from './store/view.ts';

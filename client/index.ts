/** The browser library: one user's preferences, stored in the browser and synced with Pouchgate. */
export { createPreferencesStore } from './preferences-store.ts';
export type {
  DebugSnapshot,
  PreferencesStore,
  SchemaOptions,
  ShownOf,
  ShownPreferences,
  StoreEvents,
  StoreOptions,
} from './types.ts';
export { eraseLocalData, type EraseOptions } from './platform/erase-local-data.ts';
export type { Database, OpenDatabase } from './platform/pouch-database.ts';
export type { Environment } from './platform/environment.ts';
export type { PlatformReason } from './platform/health.ts';
export type { ConnectionReason, SignInReason, StatusReason } from './sync/status-reason.ts';
export type { GetToken } from './sync/http/token-source.ts';
export type { SupersededEdit } from './store/superseded-edits.ts';
export type { StoredSnapshot } from './store/stored-snapshot.ts';
export type { RawLeaf } from './store/leaf.ts';
export type { Edit, EditOrigin } from './store/edits.ts';
export type { ClockReading } from './platform/clock.ts';
export type { Upgrade } from '../couchdb-design/user-document/upgrade-function.ts';
export type { RefusedEdit, SyncState, SyncStatus } from './sync/status.ts';
export type { SyncTiming } from './sync/timing.ts';

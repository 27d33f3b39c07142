/** The store as React sees it. Pass the same store from one render to the next: make it outside of components. */
import { useSyncExternalStore } from 'react';
import type { PreferencesStore } from './preferences-store.ts';
import type { ShownPreferences } from './store/view.ts';
import type { SyncStatus } from './sync/status.ts';

/** All preferences, with their defaults: drawn again when one changes, wherever that happened. */
export const usePreferences = (store: PreferencesStore): ShownPreferences =>
  useSyncExternalStore(store.subscribe, store.get);

export const useSyncStatus = (store: PreferencesStore): SyncStatus =>
  useSyncExternalStore(store.subscribe, store.status);

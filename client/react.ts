/** The store as React sees it. Pass the same store from one render to the next: make it outside of components. */
import { useSyncExternalStore } from 'react';
import type { PreferencesStore } from './types.ts';
import type { SyncStatus } from './sync/status.ts';

/** What the hooks need of a store: of PreferencesStore, whatever its schema, or of an application's own around one. */
export interface ReadableStore<Shown extends object> extends Pick<PreferencesStore, 'subscribe'> {
  readonly get: () => Shown;
}

/** All preferences, with their defaults: drawn again when one changes, wherever that happened. */
export const usePreferences = <Shown extends object>({ subscribe, get }: ReadableStore<Shown>): Shown =>
  useSyncExternalStore(subscribe, get, get);

/** One preference: drawn again when that one changes, and at no other change. */
export const usePreference = <Shown extends object, K extends keyof Shown>(
  store: ReadableStore<Shown>,
  key: K,
): Shown[K] => {
  const get = (): Shown[K] => store.get()[key];
  return useSyncExternalStore(store.subscribe, get, get);
};

export const useSyncStatus = ({ subscribe, status }: Pick<PreferencesStore, 'subscribe' | 'status'>): SyncStatus =>
  useSyncExternalStore(subscribe, status, status);

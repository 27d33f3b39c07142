/** React hooks of a store. Create the store outside of components, so that every render passes the same one. */
import { useSyncExternalStore } from 'react';
import type { PreferencesStore } from './types.ts';
import type { SyncStatus } from './sync/status.ts';

/** The members of a store that the hooks use: of a PreferencesStore, a PreferencesStream, or an application's wrapper. */
export interface ReadableStore<Shown extends object> extends Pick<PreferencesStore, 'subscribe'> {
  /** Returns all preferences with their defaults: the same object until one changes. */
  readonly get: () => Shown;
}

/**
 * Returns all preferences with their defaults. The component renders again when one of them changes, in this tab, in
 * another, or on another device.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @returns The preferences: the same object until one changes.
 * @example
 * ```tsx
 * const { theme, viewMode } = usePreferences(store);
 * ```
 */
export const usePreferences = <Shown extends object>({ subscribe, get }: ReadableStore<Shown>): Shown =>
  useSyncExternalStore(subscribe, get, get);

/**
 * Returns one preference. The component renders again only when this preference changes.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @param key - The preference to read.
 * @returns The preference's value, or its default.
 * @example
 * ```tsx
 * const theme = usePreference(store, 'theme');
 * ```
 */
export const usePreference = <Shown extends object, K extends keyof Shown>(
  store: ReadableStore<Shown>,
  key: K,
): Shown[K] => {
  const get = (): Shown[K] => store.get()[key];
  return useSyncExternalStore(store.subscribe, get, get);
};

/**
 * Returns the sync status. The component renders again when it changes.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @returns The status: the same object until it changes.
 * @example
 * ```tsx
 * const { state, unsent } = useSyncStatus(store);
 * ```
 */
export const useSyncStatus = ({ subscribe, status }: Pick<PreferencesStore, 'subscribe' | 'status'>): SyncStatus =>
  useSyncExternalStore(subscribe, status, status);

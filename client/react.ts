/**
 * React hooks of a store. Create the store outside of components, so that every render passes the same one. On a server, and
 * at hydration, they return the defaults and the status `starting`.
 */
import { useSyncExternalStore } from 'react';
import type { PreferencesStore } from './types.ts';
import { INITIAL_STATUS, type SyncStatus } from './sync/status.ts';

/** The members of a store that the hooks use: of a PreferencesStore, a PreferencesStream, or an application's wrapper. */
export interface ReadableStore<Shown extends object> extends Pick<PreferencesStore, 'subscribe'> {
  /** Returns all preferences with their defaults: the same object until one changes. */
  readonly get: () => Shown;
  /** What `get` returns before the stored preferences are read. Default: what `get` returns. */
  readonly defaults?: Shown;
}

/**
 * The snapshot for the server and for hydration. Both must be equal, although the browser may already have read its stored
 * preferences. If those differ, React renders again immediately.
 */
const hydratedPreferences = <Shown extends object>({ defaults, get }: ReadableStore<Shown>): Shown => defaults ?? get();
const hydratedStatus = (): SyncStatus => INITIAL_STATUS;

/** Returns the store, or throws a TypeError that names the hook: a context without a provider, for example, has none. */
function checkStore<S extends Pick<PreferencesStore, 'subscribe'>>(store: S | undefined, hook: string): S {
  if (typeof store?.subscribe === 'function') return store;
  throw new TypeError(`${hook} received no store. Pass the one that createPreferencesStore returned.`);
}

/**
 * Returns all preferences with their defaults. The component renders again when one of them changes, in this tab, in
 * another, or on another device.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @returns The preferences: the same object until one changes.
 * @throws TypeError if there is no store.
 * @example
 * ```tsx
 * const { theme, viewMode } = usePreferences(store);
 * ```
 */
export const usePreferences = <Shown extends object>(store: ReadableStore<Shown>): Shown => {
  const { subscribe, get } = checkStore(store, 'usePreferences');
  return useSyncExternalStore(subscribe, get, () => hydratedPreferences(store));
};

/**
 * Returns one preference. The component renders again only when this preference changes.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @param key - The preference to read.
 * @returns The preference's value, or its default.
 * @throws TypeError if there is no store.
 * @example
 * ```tsx
 * const theme = usePreference(store, 'theme');
 * ```
 */
export const usePreference = <Shown extends object, K extends keyof Shown>(
  store: ReadableStore<Shown>,
  key: K,
): Shown[K] => {
  const { subscribe } = checkStore(store, 'usePreference');
  const get = (): Shown[K] => store.get()[key];
  return useSyncExternalStore(subscribe, get, () => hydratedPreferences(store)[key]);
};

/**
 * Returns the sync status. The component renders again when it changes.
 *
 * @param store - The store to read. Pass the same store at every render.
 * @returns The status: the same object until it changes.
 * @throws TypeError if there is no store.
 * @example
 * ```tsx
 * const { state, unsent } = useSyncStatus(store);
 * ```
 */
export const useSyncStatus = (store: Pick<PreferencesStore, 'subscribe' | 'status'>): SyncStatus => {
  const { subscribe, status } = checkStore(store, 'useSyncStatus');
  return useSyncExternalStore(subscribe, status, hydratedStatus);
};

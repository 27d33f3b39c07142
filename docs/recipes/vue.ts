// Vue 3: composables for one user's preferences and the status of their sync.
import { computed, onScopeDispose, shallowRef, type Ref, type WritableComputedRef } from 'vue';
import type { PreferencesStore, SyncStatus } from '@pouchgate/client';

/** All preferences with their defaults, as a ref that follows the store until the component is unmounted. */
export function usePreferences<P extends object, Shown extends object>(
  store: Pick<PreferencesStore<P, Shown>, 'get' | 'subscribe'>,
): Readonly<Ref<Shown>> {
  // `get` returns the same object until a preference changes, so a change of the status renders nothing again.
  return followStore(store, store.get);
}

/** One preference for `v-model`. An edit is shown at once, and sent when there is a network. */
export function usePreference<P extends object, Shown extends object, K extends keyof Shown & keyof P>(
  store: Pick<PreferencesStore<P, Shown>, 'get' | 'set' | 'subscribe'>,
  key: K,
): WritableComputedRef<Shown[K]> {
  const preferences = usePreferences(store);
  return computed({
    get: () => preferences.value[key],
    set: (value) => void store.set({ [key]: value } as object as Parameters<typeof store.set>[0]),
  });
}

export const useSyncStatus = (store: Pick<PreferencesStore, 'status' | 'subscribe'>): Readonly<Ref<SyncStatus>> =>
  followStore(store, store.status);

function followStore<T>(store: Pick<PreferencesStore, 'subscribe'>, read: () => T): Readonly<Ref<T>> {
  const value = shallowRef(read());
  onScopeDispose(
    store.subscribe(() => {
      value.value = read();
    }),
  );
  return value;
}

// Svelte: one user's preferences and the status of their sync as Svelte stores, for `$preferences.theme` in a component.
import type { Readable } from 'svelte/store';
import type { PreferencesStore, SyncStatus } from '@pouchgate/client';

/** All preferences with their defaults. Edit them with `store.set({ theme: 'dark' })`. */
export const preferencesOf = <P extends object, Shown extends object>(
  store: Pick<PreferencesStore<P, Shown>, 'get' | 'subscribe'>,
): Readable<Shown> => toReadable(store.subscribe, store.get);

export const syncStatusOf = (store: Pick<PreferencesStore, 'status' | 'subscribe'>): Readable<SyncStatus> =>
  toReadable(store.subscribe, store.status);

/** Svelte's store contract: `subscribe` calls `run` with the current value at once, and then with each other value. */
function toReadable<T>(subscribe: PreferencesStore['subscribe'], read: () => T): Readable<T> {
  return {
    subscribe: (run) => {
      let current = read();
      run(current);
      return subscribe(() => {
        // Both are the same object until they change.
        if (current === read()) return;
        current = read();
        run(current);
      });
    },
  };
}

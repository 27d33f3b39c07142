/**
 * Simulated devices of the same user in one browser: each is a store with its own database, under its own namespace.
 * Their data is the user's, so signing out removes it, too.
 */
import type { AppStore } from '../store-types.ts';

export interface LocalDevices {
  /** Returns the open store of this namespace, or opens it. */
  readonly open: (namespace: string) => AppStore;
  /** Closes a device and keeps its data. */
  readonly close: (store: AppStore) => Promise<void>;
  /** Opens all devices that have ever stored data, and waits until their data is read. */
  readonly openAll: () => Promise<void>;
  /** Closes all devices. Called when another tab signs out. */
  readonly closeAll: () => void;
  readonly stores: () => readonly AppStore[];
  /** Sends unsent edits and removes the data of all devices, including those that are not open. */
  readonly signOut: () => Promise<void>;
}

export interface LocalDevicesOptions {
  readonly create: (namespace: string) => AppStore;
  /** The namespaces that have been used, in storage that outlives the page. */
  readonly usedNamespaces: {
    readonly read: () => readonly string[];
    readonly write: (namespaces: readonly string[]) => void;
  };
}

export function createLocalDevices({ create, usedNamespaces }: LocalDevicesOptions): LocalDevices {
  const openStores = new Map<string, AppStore>();

  const openStore = (namespace: string): AppStore => {
    const existing = openStores.get(namespace);
    if (existing !== undefined) return existing;
    // Recorded before the store writes any data, so that a later sign-out finds all of it.
    if (!usedNamespaces.read().includes(namespace)) usedNamespaces.write([...usedNamespaces.read(), namespace]);
    const store = create(namespace);
    openStores.set(namespace, store);
    return store;
  };

  return {
    open: openStore,
    close: async (store) => {
      for (const [namespace, other] of openStores) if (other === store) openStores.delete(namespace);
      await store.close();
    },
    openAll: async () => {
      // A device whose data cannot be read has nothing to show.
      await Promise.all(usedNamespaces.read().map((namespace) => openStore(namespace).ready.catch(() => undefined)));
    },
    closeAll: () => {
      for (const store of openStores.values()) void store.close();
      openStores.clear();
    },
    stores: () => [...openStores.values()],
    signOut: async () => {
      const stores = usedNamespaces.read().map(openStore);
      openStores.clear();
      // A failed removal must not prevent the others.
      await Promise.all(stores.map((store) => store.signOut().catch(() => undefined)));
      usedNamespaces.write([]);
    },
  };
}

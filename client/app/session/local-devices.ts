/**
 * Other devices of the same person in this one browser: each a store with a database of its own, under a namespace of
 * its own. What they store is the person's, so it leaves the browser when the person does.
 */
import type { AppStore } from '../store-types.ts';

export interface LocalDevices {
  readonly open: (namespace: string) => AppStore;
  /** Lets go of one, and keeps what it has stored. */
  readonly close: (store: AppStore) => Promise<void>;
  /** Opens all that have ever stored something, and waits until what they have is known. */
  readonly openAll: () => Promise<void>;
  /** Closes all, when another tab signs them out. */
  readonly closeAll: () => void;
  readonly stores: () => readonly AppStore[];
  /** Sends what is unsent, and removes everything they stored, also of those that are not open at this moment. */
  readonly signOut: () => Promise<void>;
}

export interface LocalDevicesOptions {
  readonly create: (namespace: string) => AppStore;
  /** Text that outlives the page: which namespaces have been used. */
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
    // Noted before anything is stored, so that nothing is stored that would not be found again.
    if (!usedNamespaces.read().includes(namespace)) usedNamespaces.write([...usedNamespaces.read(), namespace]);
    const store = create(namespace);
    openStores.set(namespace, store);
    return store;
  };

  return {
    open: openStore,
    close: async (store) => {
      for (const [namespace, each] of openStores) if (each === store) openStores.delete(namespace);
      await store.close();
    },
    openAll: async () => {
      // One that cannot be read has nothing to tell.
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
      // One that cannot be removed now must not keep the others.
      await Promise.all(stores.map((store) => store.signOut().catch(() => undefined)));
      usedNamespaces.write([]);
    },
  };
}

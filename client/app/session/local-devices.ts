/**
 * Other devices of the same person in this one browser: each a store with a database of its own, under a namespace of
 * its own. What they store is the person's, so it leaves the browser when the person does.
 */
import type { AppStore } from '../store-types.ts';

export interface DevicesHere {
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

export interface DevicesHereOptions {
  readonly create: (namespace: string) => AppStore;
  /** Text that outlives the page: which namespaces have been used. */
  readonly used: { readonly read: () => readonly string[]; readonly write: (namespaces: readonly string[]) => void };
}

export function createDevicesHere({ create, used }: DevicesHereOptions): DevicesHere {
  const open = new Map<string, AppStore>();

  const openOne = (namespace: string): AppStore => {
    const before = open.get(namespace);
    if (before !== undefined) return before;
    // Noted before anything is stored, so that nothing is stored that would not be found again.
    if (!used.read().includes(namespace)) used.write([...used.read(), namespace]);
    const store = create(namespace);
    open.set(namespace, store);
    return store;
  };

  return {
    open: openOne,
    close: async (store) => {
      for (const [namespace, each] of open) if (each === store) open.delete(namespace);
      await store.close();
    },
    openAll: async () => {
      // One that cannot be read has nothing to tell.
      await Promise.all(used.read().map((namespace) => openOne(namespace).ready.catch(() => undefined)));
    },
    closeAll: () => {
      for (const store of open.values()) void store.close();
      open.clear();
    },
    stores: () => [...open.values()],
    signOut: async () => {
      const stores = used.read().map(openOne);
      open.clear();
      // One that cannot be removed now must not keep the others.
      await Promise.all(stores.map((store) => store.signOut().catch(() => undefined)));
      used.write([]);
    },
  };
}

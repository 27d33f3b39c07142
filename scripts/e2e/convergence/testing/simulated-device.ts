/** One device: a browser in this process, with databases, locks, a channel and storage that its tabs share. */
import PouchDB from 'pouchdb-browser';
import {
  createPreferencesStore,
  type Environment,
  type OpenDatabase,
  type PreferencesStore,
} from '../../../../client/index.ts';
import { createInProcessLocks } from '../../../../client/platform/web-locks.ts';
import '../../testing/test-server.ts';
import type { EditLog } from './edit-log.ts';
import type { DeviceTraits } from './scenario.ts';
import { createLockManager } from '../../testing/web-locks.ts';
import { createNetworkSwitch } from '../../testing/network-switch.ts';

export interface Tab {
  readonly name: string;
  /** Whether a tab of this name writes at once with this one: all of a device without Web Locks, else itself alone. */
  readonly writesConcurrentlyWith: (name: string) => boolean;
  readonly store: PreferencesStore;
  /** From here on an edit that is not stored yet may be given up. */
  readonly isClosing: () => boolean;
  readonly close: () => Promise<void>;
}

export interface SimulatedDevice {
  readonly name: string;
  readonly tabs: readonly Tab[];
  readonly isOnline: () => boolean;
  /** As pulling the cable: requests under way end, and the browser says what has happened. */
  readonly setOnline: (online: boolean) => void;
  /** The browser sees a reason to try again, as when its window is looked at. */
  readonly wake: () => void;
  readonly openTab: () => Promise<Tab>;
  /** The local databases that were opened. */
  readonly databaseNames: ReadonlySet<string>;
  readonly openDatabase: OpenDatabase;
}

export interface DeviceOptions {
  readonly name: string;
  readonly traits: DeviceTraits;
  readonly url: string;
  readonly username: string;
  readonly token: string;
  readonly edits: EditLog;
  /** Something may have changed: a request is over, or a store says so. */
  readonly onEvent: (event: 'answer' | 'change') => void;
}

let browserCount = 0;

export function createSimulatedDevice({
  name,
  traits,
  url,
  username,
  token,
  edits,
  onEvent,
}: DeviceOptions): SimulatedDevice {
  browserCount += 1;
  const prefix = `devices-${browserCount}-`;
  // Not compacted: PouchDB's adapter for memory, unlike that for browsers, may read a revision for its changes feed that
  // is compacted away at that moment, and throws then.
  // Nor closed: there, closing one handle closes the database under the other tab's.
  const openDatabase: OpenDatabase = (database) => {
    const opened = new PouchDB(prefix + database, { adapter: 'memory' });
    opened.close = () => Promise.resolve();
    return opened;
  };
  const lockManager = createLockManager();
  const storageItems: Environment['storage'] = {};
  const databaseNames = new Set<string>();
  const wakeListeners = new Set<() => void>();
  const offlineListeners = new Set<() => void>();
  const tabs: Tab[] = [];
  let opened = 0;
  const network = createNetworkSwitch(traits.online);

  const addListener = (listeners: Set<() => void>, listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  const notifyAll = (listeners: Set<() => void>): void => {
    for (const listener of [...listeners]) listener();
  };

  const trackedFetch: typeof fetch = async (input, init) => {
    const wasOnline = network.isOnline();
    try {
      return await network.fetch(input, init);
    } finally {
      if (wasOnline) onEvent('answer');
    }
  };

  const environment = (tabName: string): Partial<Environment> => ({
    now: () => Date.now() + traits.clock * 60_000,
    fetch: trackedFetch,
    locks: traits.locks ? lockManager : createInProcessLocks(),
    listen: (types, listener) =>
      addListener(
        types.includes('online') ? wakeListeners : types.includes('offline') ? offlineListeners : new Set(),
        () => listener({ type: types.join(' ') }),
      ),
    openChannel: (channel) => new BroadcastChannel(prefix + channel),
    storage: edits.recordStorage(storageItems, tabName),
  });

  return {
    name,
    tabs,
    databaseNames,
    openDatabase,
    isOnline: network.isOnline,
    wake: () => notifyAll(wakeListeners),
    setOnline: (now) => {
      network.setOnline(now);
      notifyAll(now ? wakeListeners : offlineListeners);
    },
    openTab: async () => {
      opened += 1;
      const tabName = `${name}${opened}`;
      const store = createPreferencesStore({
        url,
        username,
        getToken: () => Promise.resolve(token),
        openDatabase: (database) => {
          databaseNames.add(database);
          return edits.recordDatabase(openDatabase(database), tabName);
        },
        environment: environment(tabName),
      });
      let isClosing = false;
      const unsubscribe = store.subscribe(() => onEvent('change'));
      const tab: Tab = {
        name: tabName,
        writesConcurrentlyWith: (other) => (traits.locks ? other === tabName : other.startsWith(name)),
        store,
        isClosing: () => isClosing,
        close: async () => {
          isClosing = true;
          tabs.splice(tabs.indexOf(tab), 1);
          unsubscribe();
          await store.close();
        },
      };
      tabs.push(tab);
      await store.ready;
      return tab;
    },
  };
}

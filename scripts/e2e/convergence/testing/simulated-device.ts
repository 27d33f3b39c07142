/** One device: a browser in this process, whose tabs share databases, locks, a channel and storage. */
import PouchDB from 'pouchdb-browser';
import { createPreferencesStore, type Environment, type PreferencesStore } from '../../../../client/index.ts';
import { createInProcessLocks } from '../../../../client/platform/web-locks.ts';
import { openChannel } from '../../testing/broadcast-channel.ts';
import type { OpenTestDatabase } from '../../testing/test-server.ts';
import type { EditLog } from './edit-log.ts';
import type { DeviceTraits } from './scenario.ts';
import { createLockManager } from '../../testing/web-locks.ts';
import { createNetworkSwitch } from '../../testing/network-switch.ts';

export interface Tab {
  readonly name: string;
  /** Whether a tab writes concurrently with this one: any tab of a device without Web Locks, otherwise only itself. */
  readonly writesConcurrentlyWith: (name: string) => boolean;
  readonly store: PreferencesStore;
  /** Once true, an edit that is not stored yet may be dropped. */
  readonly isClosing: () => boolean;
  readonly close: () => Promise<void>;
}

export interface SimulatedDevice {
  readonly name: string;
  readonly tabs: readonly Tab[];
  readonly isOnline: () => boolean;
  /** Connects or disconnects the network: pending requests fail, and the browser emits an event. */
  readonly setOnline: (online: boolean) => void;
  /** Emits a browser event that makes stores retry, like a window that becomes visible. */
  readonly wake: () => void;
  readonly openTab: () => Promise<Tab>;
  /** Names of the opened local databases. */
  readonly databaseNames: ReadonlySet<string>;
  readonly openDatabase: OpenTestDatabase;
}

export interface DeviceOptions {
  readonly name: string;
  readonly traits: DeviceTraits;
  readonly url: string;
  readonly username: string;
  readonly token: string;
  readonly edits: EditLog;
  /** Called when a request has ended or a store has changed. */
  readonly onEvent: (event: 'response' | 'change') => void;
}

let browserCount = 0;

/** Creates a device without tabs. */
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
  // No compaction: unlike the browser's adapter, PouchDB's memory adapter may read a revision for its changes feed while
  // it is compacted, and throws then.
  // No close: in the memory adapter, closing one handle closes the database of the other tabs.
  const openDatabase: OpenTestDatabase = (database) => {
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
  let tabCount = 0;
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
      if (wasOnline) onEvent('response');
    }
  };

  const environment = (tabName: string): Partial<Environment> => ({
    now: () => Date.now() + traits.clock * 60_000,
    fetch: trackedFetch,
    locks: traits.locks ? lockManager : createInProcessLocks(),
    listen: (events, listener) =>
      addListener(
        events.includes('online') ? wakeListeners : events.includes('offline') ? offlineListeners : new Set(),
        () => listener({ type: events }),
      ),
    openChannel: (channel) => openChannel(prefix + channel),
    storage: edits.recordStorage(storageItems, tabName),
  });

  return {
    name,
    tabs,
    databaseNames,
    openDatabase,
    isOnline: network.isOnline,
    wake: () => notifyAll(wakeListeners),
    setOnline: (online) => {
      network.setOnline(online);
      notifyAll(online ? wakeListeners : offlineListeners);
    },
    openTab: async () => {
      tabCount += 1;
      const tabName = `${name}${tabCount}`;
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

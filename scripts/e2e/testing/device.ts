/** Devices for tests of client and server together: stores on the real library, each with a switch for its network. */
import {
  createPreferencesStore,
  type Environment,
  type OpenDatabase,
  type PreferencesStore,
  type SyncState,
} from '../../../client/index.ts';
import type { StoreOptions } from '../../../client/types.ts';
import { newBrowser, startTestServer, until, type TestServer } from './test-server.ts';
import { createNetwork } from './network-switch.ts';

export interface Device {
  readonly store: PreferencesStore;
  /** As `context.setOffline` in a browser: every request fails until it is switched off again. */
  readonly setOffline: (offline: boolean) => void;
}

export interface Devices {
  /** A user of this test alone. */
  readonly newUser: () => string;
  readonly open: (username: string, browser?: OpenDatabase, options?: Partial<StoreOptions>) => Device;
  /** Closes all that were opened. */
  readonly close: () => Promise<void>;
}

/** What devices need of a server. */
export interface DevicesServer {
  readonly registry: string;
  readonly token: (username: string) => string;
}

const storages = new WeakMap<OpenDatabase, Environment['storage']>();
/** What a browser keeps beside its databases. */
const storageOf = (browser: OpenDatabase): Environment['storage'] => {
  const storage = storages.get(browser) ?? {};
  storages.set(browser, storage);
  return storage;
};

/** `server` may still be on its way when this is called. */
export function devicesOf(server: () => DevicesServer): Devices {
  const stores: PreferencesStore[] = [];
  let users = 0;

  return {
    newUser: () => `user${(users += 1)}`,
    open: (username, browser = newBrowser(), options = {}) => {
      const network = createNetwork();
      const wakes = new Set<() => void>();
      const store = createPreferencesStore({
        url: server().registry,
        username,
        getToken: () => Promise.resolve(server().token(username)),
        openDatabase: browser,
        ...options,
        environment: {
          fetch: network.fetch,
          storage: storageOf(browser),
          listen: (types, listener) => {
            const wake = (): void => listener({ type: 'online' });
            if (types.includes('online')) wakes.add(wake);
            return () => void wakes.delete(wake);
          },
          ...options.environment,
        },
      });
      stores.push(store);
      return {
        store,
        setOffline: (now) => {
          network.setOnline(!now);
          if (!now) for (const wake of wakes) wake();
        },
      };
    },
    close: async () => {
      await Promise.all(stores.splice(0).map((store) => store.close()));
    },
  };
}

export interface Stage extends Devices {
  readonly server: TestServer;
}

/** A server for all tests of a file, and devices that are closed after each of them. */
export function stage(): Stage {
  let server: TestServer;
  const devices = devicesOf(() => server);
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterEach(devices.close);
  afterAll(() => server.close());
  return {
    ...devices,
    get server() {
      return server;
    },
  };
}

/** What is told of a store that does not come to where it should. */
const foundIn = (store: PreferencesStore, wanted: unknown): string =>
  `${JSON.stringify(wanted)} is wanted, and there is ${JSON.stringify({ ...store.status(), ...store.get() })}`;

export const reaches = (store: PreferencesStore, state: SyncState, unsent?: number): Promise<void> =>
  until(
    store.subscribe,
    () => store.status().state === state && (unsent === undefined || store.status().unsent === unsent),
    () => foundIn(store, { state, unsent }),
  );

export const shows = (store: PreferencesStore, expected: Partial<ReturnType<PreferencesStore['get']>>): Promise<void> =>
  until(
    store.subscribe,
    () =>
      Object.entries(expected).every(
        ([key, value]) => JSON.stringify(store.get()[key as keyof typeof expected]) === JSON.stringify(value),
      ),
    () => foundIn(store, expected),
  );

/** The state as it is, and every other that is told from now on. */
export function statesOf(store: PreferencesStore): SyncState[] {
  const states = [store.status().state];
  store.subscribe(() => {
    const { state } = store.status();
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
}

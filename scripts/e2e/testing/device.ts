/** Devices for end-to-end tests: stores of the real library, each with a network switch. */
import {
  createPreferencesStore,
  type Environment,
  type PreferencesStore,
  type StatusReason,
  type SyncState,
} from '../../../client/index.ts';
import type { OpenDatabase } from '../../../client/platform/database.ts';
import type { StoreOptions } from '../../../client/types.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition, type TestServer } from './test-server.ts';
import { createNetworkSwitch } from './network-switch.ts';

export interface Device {
  readonly store: PreferencesStore;
  /** Simulates `context.setOffline` of Playwright: every request fails while offline. */
  readonly setOffline: (offline: boolean) => void;
}

export interface DeviceFactory {
  /** Returns a username that no other test uses. */
  readonly newUser: () => string;
  readonly open: (username: string, browser?: OpenDatabase, options?: Partial<StoreOptions>) => Device;
  /** Closes all devices. */
  readonly close: () => Promise<void>;
}

/** The members of a test server that devices use. */
export interface DeviceServer {
  readonly registryUrl: string;
  readonly token: (username: string) => string;
}

const storages = new WeakMap<OpenDatabase, Environment['storage']>();
/** Returns the `localStorage` of a browser. */
const storageOf = (browser: OpenDatabase): Environment['storage'] => {
  const storage = storages.get(browser) ?? {};
  storages.set(browser, storage);
  return storage;
};

/** `server` is called when a device is opened, so the server may start later. */
export function createDeviceFactory(server: () => DeviceServer): DeviceFactory {
  const stores: PreferencesStore[] = [];
  let users = 0;

  return {
    newUser: () => `user${(users += 1)}`,
    open: (username, browser = createInMemoryBrowser(), options = {}) => {
      const network = createNetworkSwitch();
      const wakeListeners = new Set<() => void>();
      const store = createPreferencesStore({
        url: server().registryUrl,
        username,
        getToken: () => Promise.resolve(server().token(username)),
        openDatabase: browser,
        ...options,
        environment: {
          fetch: network.fetch,
          storage: storageOf(browser),
          listen: (events, listener) => {
            const wake = (): void => listener({ type: 'online' });
            if (events.includes('online')) wakeListeners.add(wake);
            return () => void wakeListeners.delete(wake);
          },
          ...options.environment,
        },
      });
      stores.push(store);
      return {
        store,
        setOffline: (isOffline) => {
          network.setOnline(!isOffline);
          if (!isOffline) for (const wake of wakeListeners) wake();
        },
      };
    },
    close: async () => {
      await Promise.all(stores.splice(0).map((store) => store.close()));
    },
  };
}

export interface DeviceFixture extends DeviceFactory {
  readonly server: TestServer;
}

/** Starts a server for all tests of a file, and closes the devices after each test. */
export function createDeviceFixture(): DeviceFixture {
  let server: TestServer;
  const devices = createDeviceFactory(() => server);
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

/** Describes a store that did not reach the expected state, for a timeout's error message. */
const describeMismatch = (store: PreferencesStore, expected: unknown): string =>
  `expected ${JSON.stringify(expected)}, found ${JSON.stringify({ ...store.status(), ...store.get() })}`;

export const waitForState = (store: PreferencesStore, state: SyncState, unsent?: number): Promise<void> =>
  waitForCondition(
    store.subscribe,
    () => store.status().state === state && (unsent === undefined || store.status().unsent === unsent),
    () => describeMismatch(store, { state, unsent }),
  );

/** Waits until the status of a store or a stream has this state and, among its reasons, this one. */
export const waitForReason = (
  { status, subscribe }: Pick<PreferencesStore, 'status' | 'subscribe'>,
  state: SyncState,
  reason: StatusReason,
): Promise<void> =>
  waitForCondition(
    subscribe,
    () => status().state === state && status().reasons.includes(reason),
    () => `expected ${state} with ${reason}, found ${JSON.stringify(status())}`,
  );

export const waitForPreferences = (
  store: PreferencesStore,
  expected: Partial<ReturnType<PreferencesStore['get']>>,
): Promise<void> =>
  waitForCondition(
    store.subscribe,
    () =>
      Object.entries(expected).every(
        ([key, value]) => JSON.stringify(store.get()[key as keyof typeof expected]) === JSON.stringify(value),
      ),
    () => describeMismatch(store, expected),
  );

/** Returns a growing list: the current state, and every different state from now on. */
export function recordStates(store: PreferencesStore): SyncState[] {
  const states = [store.status().state];
  store.subscribe(() => {
    const { state } = store.status();
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
}

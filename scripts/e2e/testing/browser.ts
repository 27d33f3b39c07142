/** Simulates a browser whose tabs share databases, locks, a channel and storage. Closes its stores after each test. */
import {
  createPreferencesStore,
  type Environment,
  type PreferencesStore,
  type StoreOptions,
} from '../../../client/index.ts';
import { openChannel } from './broadcast-channel.ts';
import {
  createInMemoryBrowser,
  startTestServer,
  waitForCondition,
  type OpenTestDatabase,
  type TestServer,
} from './test-server.ts';
import { createLockManager } from './web-locks.ts';

export interface TestBrowser {
  readonly open: OpenTestDatabase;
  readonly storage: Environment['storage'];
  /** The environment of a tab of this browser. */
  readonly environment: Partial<Environment>;
  /** Returns everything that is stored for a database, as JSON. */
  readonly dump: (database: string) => Promise<string>;
}

let browserCount = 0;

export function createBrowser(): TestBrowser {
  browserCount += 1;
  const prefix = `tab-${browserCount}-`;
  const openDatabase = createInMemoryBrowser();
  /** The memory adapter would close a database for all tabs when one closes it. */
  const open: OpenTestDatabase = (name) => Object.assign(openDatabase(name), { close: () => Promise.resolve() });
  const storage: Environment['storage'] = {};
  return {
    open,
    storage,
    environment: {
      storage,
      locks: createLockManager(),
      openChannel: (name) => openChannel(prefix + name),
    },
    dump: async (name) => {
      const database = open(name);
      const { rows } = await database.allDocs({ include_docs: true, conflicts: true });
      return JSON.stringify([rows, Object.entries(storage).filter(([key]) => key.startsWith(`${name}:`))]);
    },
  };
}

/** Starts a server for all tests of a file, and closes the stores after each test. */
export function createStoreFixture() {
  let server: TestServer;
  const stores: { readonly close: () => Promise<void> }[] = [];
  const optionsOf = (username: string, browser: TestBrowser, overrides: Partial<StoreOptions> = {}): StoreOptions => ({
    url: server.registryUrl,
    username,
    getToken: () => Promise.resolve(server.token(username)),
    openDatabase: browser.open,
    ...overrides,
    environment: { ...browser.environment, ...overrides.environment },
  });
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
  afterAll(() => server.close());
  return {
    optionsOf,
    closeAfterTest: <S extends { readonly close: () => Promise<void> }>(store: S): S => {
      stores.push(store);
      return store;
    },
    open(username: string, browser: TestBrowser, overrides?: Partial<StoreOptions>): PreferencesStore {
      return this.closeAfterTest(createPreferencesStore(optionsOf(username, browser, overrides)));
    },
  };
}

export const offlineFetch: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));

export const waitUntilLive = (store: Pick<PreferencesStore, 'subscribe' | 'status'>): Promise<void> =>
  waitForCondition(store.subscribe, () => store.status().state === 'live' && store.status().unsent === 0);

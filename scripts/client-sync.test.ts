import { createPreferencesStore, type OpenDatabase, type PreferencesStore, type SyncState } from '../client/index.ts';
import type { PreferencesStoreOptions } from '../client/preferences-store.ts';
import { openLine } from './client-line.ts';
import { newBrowser, startTestServer, until, type TestServer } from './client-test-kit.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const stores: PreferencesStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

let users = 0;
/** A user of this test alone. */
const newUser = (): string => `user${(users += 1)}`;

interface Device {
  readonly store: PreferencesStore;
  /** As `context.setOffline` in a browser: every request fails until it is switched off again. */
  readonly setOffline: (offline: boolean) => void;
}

function open(username: string, browser: OpenDatabase, options: Partial<PreferencesStoreOptions> = {}): Device {
  let offline = false;
  let cut = new AbortController();
  const wakes = new Set<() => void>();
  const store = createPreferencesStore({
    url: server.registry,
    username,
    getToken: () => Promise.resolve(server.token(username)),
    openDatabase: browser,
    ...options,
    environment: {
      fetch: (input, init) =>
        offline
          ? Promise.reject(new TypeError('Failed to fetch'))
          : fetch(input, { ...init, signal: AbortSignal.any([cut.signal, ...(init?.signal ? [init.signal] : [])]) }),
      onWake: (wake) => {
        wakes.add(wake);
        return () => void wakes.delete(wake);
      },
      ...options.environment,
    },
  });
  stores.push(store);
  return {
    store,
    setOffline: (now) => {
      offline = now;
      if (now) {
        cut.abort();
        cut = new AbortController();
      } else for (const wake of wakes) wake();
    },
  };
}

const reaches = (store: PreferencesStore, state: SyncState, unsent?: number): Promise<void> =>
  until(
    store.subscribe,
    () => store.status().state === state && (unsent === undefined || store.status().unsent === unsent),
  );
const shows = (store: PreferencesStore, expected: Partial<ReturnType<PreferencesStore['get']>>): Promise<void> =>
  until(store.subscribe, () =>
    Object.entries(expected).every(
      ([key, value]) => JSON.stringify(store.get()[key as keyof typeof expected]) === JSON.stringify(value),
    ),
  );

test('an edit on one device is on the other, and neither has anything unsent', async () => {
  const user = newUser();
  const [left, right] = [open(user, newBrowser()).store, open(user, newBrowser()).store];
  await Promise.all([reaches(left, 'live'), reaches(right, 'live')]);
  await left.set({ theme: 'dark' });
  await shows(right, { theme: 'dark' });
  await right.set({ selectedTags: ['home', 'work'], theme: 'light' });
  await shows(left, { theme: 'light', selectedTags: ['home', 'work'] });
  await right.remove('theme');
  await shows(left, { theme: 'system' });
  await Promise.all([reaches(left, 'live', 0), reaches(right, 'live', 0)]);
});

test('edits of two devices that were both offline are all kept, the later one on the same preference', async () => {
  const user = newUser();
  const [left, right] = [open(user, newBrowser()), open(user, newBrowser())];
  await Promise.all([reaches(left.store, 'live'), reaches(right.store, 'live')]);
  left.setOffline(true);
  right.setOffline(true);
  await Promise.all([reaches(left.store, 'offline'), reaches(right.store, 'offline')]);
  await left.store.set({ theme: 'dark', recapTime: '20:00' });
  await left.store.set({ viewMode: 'table' });
  await right.store.set({ dailyBriefing: true, recapTime: '21:00' });
  await right.store.set({ timezone: 'Europe/Vienna' });
  expect(left.store.status()).toMatchObject({ state: 'offline', unsent: 3 });
  expect(right.store.status()).toMatchObject({ state: 'offline', unsent: 3 });
  left.setOffline(false);
  right.setOffline(false);
  const all = {
    theme: 'dark',
    viewMode: 'table',
    dailyBriefing: true,
    recapTime: '21:00',
    timezone: 'Europe/Vienna',
  } as const;
  await Promise.all([shows(left.store, all), shows(right.store, all)]);
  await Promise.all([reaches(left.store, 'live', 0), reaches(right.store, 'live', 0)]);
});

test('edits made before the first sync wait in a draft, and never make a second root', async () => {
  const user = newUser();
  const first = open(user, newBrowser());
  await reaches(first.store, 'live');
  await first.store.set({ viewMode: 'graph' });
  await reaches(first.store, 'live', 0);

  const browser = newBrowser();
  const late = open(user, browser);
  late.setOffline(true);
  await late.store.ready;
  await late.store.set({ theme: 'dark' });
  await reaches(late.store, 'offline', 1);
  late.setOffline(false);
  await Promise.all([
    shows(late.store, { theme: 'dark', viewMode: 'graph' }),
    shows(first.store, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await reaches(late.store, 'live', 0);
  const rows: readonly { ok?: { _revisions?: { ids: string[] } } }[] = await browser(`pouchgate_${user}`).get(
    `user_${user}`,
    { open_revs: 'all', revs: true },
  );
  expect(new Set(rows.map(({ ok }) => ok?._revisions?.ids.at(-1))).size).toBe(1);
});

test('the number of unsent edits survives a reload without a network', async () => {
  const user = newUser();
  const browser = newBrowser();
  const before = open(user, browser);
  await reaches(before.store, 'live');
  await before.store.set({ theme: 'dark' });
  await reaches(before.store, 'live', 0);
  before.setOffline(true);
  await before.store.set({ viewMode: 'table' });
  await before.store.set({ dailyRecap: true });
  await before.store.close();

  const after = open(user, browser);
  after.setOffline(true);
  await after.store.ready;
  expect(after.store.get()).toMatchObject({ theme: 'dark', viewMode: 'table', dailyRecap: true });
  await reaches(after.store, 'offline', 2);
  after.setOffline(false);
  await reaches(after.store, 'live', 0);
});

test('a token that ends is renewed once for all that need it, and the sync goes on', async () => {
  const user = newUser();
  let asked = 0;
  const { store } = open(user, newBrowser(), {
    getToken: (refused) => {
      if (refused === undefined) return Promise.resolve(asked === 0 ? server.token(user, -60) : server.token(user));
      asked += 1;
      return Promise.resolve(server.token(user));
    },
  });
  await reaches(store, 'live');
  await store.set({ theme: 'dark' });
  await reaches(store, 'live', 0);
  expect(asked).toBeGreaterThanOrEqual(1);
});

test('a token that ends under a live sync is noticed by the server, and renewed', async () => {
  const user = newUser();
  const seconds = [2, 3_600];
  const next = (): string => server.token(user, seconds.shift());
  let token = next();
  let renew: () => void = () => undefined;
  const renewed = new Promise<void>((resolve) => {
    renew = resolve;
  });
  const { store } = open(user, newBrowser(), {
    getToken: (refused) => {
      if (refused === token) {
        token = next();
        renew();
      }
      return Promise.resolve(token);
    },
  });
  const phases: SyncState[] = [];
  store.subscribe(() => phases.push(store.status().state));
  await reaches(store, 'live');
  const other = open(user, newBrowser()).store;
  await reaches(other, 'live');
  await renewed;
  await other.set({ theme: 'dark' });
  await shows(store, { theme: 'dark' });
  expect(phases).not.toContain('sign-in-needed');
});

test('without a token the data stays readable and editable, and goes out after signing in again', async () => {
  const user = newUser();
  let signedIn = false;
  const { store } = open(user, newBrowser(), {
    getToken: () => Promise.resolve(signedIn ? server.token(user) : undefined),
  });
  await reaches(store, 'sign-in-needed');
  await store.set({ theme: 'dark' });
  expect(store.get().theme).toBe('dark');
  await reaches(store, 'sign-in-needed', 1);
  signedIn = true;
  store.retry();
  await reaches(store, 'live', 0);
});

test('an edit that the server refuses is taken back and told, and the others beside it arrive', async () => {
  const user = newUser();
  let clock = Date.now();
  const device = open(user, newBrowser(), { environment: { now: () => clock } });
  const other = open(user, newBrowser());
  await Promise.all([reaches(device.store, 'live'), reaches(other.store, 'live')]);
  device.setOffline(true);
  await reaches(device.store, 'offline');
  await device.store.set({ viewMode: 'graph' });
  await device.store.set({ dailyRecap: true });
  // The gate takes no stamp that is more than a day ahead of its own clock.
  clock += 3 * 24 * 3_600_000;
  await device.store.set({ theme: 'dark' });
  clock -= 3 * 24 * 3_600_000;
  expect(device.store.get().theme).toBe('dark');
  device.setOffline(false);

  await reaches(device.store, 'refused', 0);
  expect(device.store.status().refused).toMatchObject([{ key: 'theme', value: 'dark' }]);
  expect(device.store.status().refused[0]?.reason).not.toBe('');
  const good = { viewMode: 'graph', dailyRecap: true, theme: 'system' } as const;
  await Promise.all([shows(device.store, good), shows(other.store, good)]);

  device.store.dismissRefused();
  await reaches(device.store, 'live', 0);
  await device.store.set({ theme: 'light' });
  await shows(other.store, { theme: 'light' });
});

test('a restart of the server is survived without a reload, and edits made meanwhile arrive', async () => {
  const user = newUser();
  const [left, right] = [open(user, newBrowser()).store, open(user, newBrowser()).store];
  await Promise.all([reaches(left, 'live'), reaches(right, 'live')]);
  await server.stop();
  await Promise.all([reaches(left, 'offline'), reaches(right, 'offline')]);
  await left.set({ theme: 'dark' });
  await right.set({ viewMode: 'graph' });
  await server.start();
  await Promise.all([
    shows(left, { theme: 'dark', viewMode: 'graph' }),
    shows(right, { theme: 'dark', viewMode: 'graph' }),
  ]);
  await Promise.all([reaches(left, 'live', 0), reaches(right, 'live', 0)]);
});

test('a network that falls silent without a word is noticed, and left behind once there is another', async () => {
  const user = newUser();
  const line = await openLine(server.url);
  const { store } = open(user, newBrowser(), {
    url: server.registry.replace(server.url, line.url),
    timing: { heartbeat: 1_000, silence: 1_500 },
  });
  const other = open(user, newBrowser()).store;
  await Promise.all([reaches(store, 'live'), reaches(other, 'live')]);
  line.stall();
  await reaches(store, 'offline');
  await other.set({ theme: 'dark' });
  line.clear();
  await shows(store, { theme: 'dark' });
  await store.close();
  await line.close();
});

test('what a server has lost comes back to it from a browser that has it', async () => {
  const user = newUser();
  const { store } = open(user, newBrowser());
  await reaches(store, 'live');
  await store.set({ theme: 'dark', selectedTags: ['home'] });
  await reaches(store, 'live', 0);
  await server.stop();
  await reaches(store, 'offline');
  await server.startEmpty();
  await reaches(store, 'live', 0);
  const other = open(user, newBrowser()).store;
  await shows(other, { theme: 'dark', selectedTags: ['home'] });
});

test('signing out sends what is unsent, and leaves nothing in the browser', async () => {
  const user = newUser();
  const browser = newBrowser();
  const { store } = open(user, browser);
  await reaches(store, 'live');
  void store.set({ theme: 'dark' });
  await store.set({ viewMode: 'graph' });
  await store.signOut();

  const again = open(user, browser, { getToken: () => Promise.resolve(undefined) }).store;
  await again.ready;
  expect(again.get()).toMatchObject({ theme: 'system', viewMode: 'kanban' });
  const elsewhere = open(user, newBrowser()).store;
  await shows(elsewhere, { theme: 'dark', viewMode: 'graph' });
});

test('signing out can keep the data', async () => {
  const user = newUser();
  const browser = newBrowser();
  const { store } = open(user, browser);
  await store.set({ theme: 'dark' });
  await store.signOut({ keepData: true });
  const again = open(user, browser, { getToken: () => Promise.resolve(undefined) }).store;
  await again.ready;
  expect(again.get().theme).toBe('dark');
});

test('two users of one browser never see each other’s data', async () => {
  const [alice, bob] = [newUser(), newUser()];
  const browser = newBrowser();
  const first = open(alice, browser).store;
  await reaches(first, 'live');
  await first.set({ theme: 'dark', selectedTags: ['secret'] });
  await first.signOut({ keepData: true });
  const second = open(bob, browser).store;
  await reaches(second, 'live');
  expect(second.get()).toMatchObject({ theme: 'system', selectedTags: [] });
});

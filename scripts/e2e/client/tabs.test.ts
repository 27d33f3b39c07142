import type { StandardSchemaV1 } from '@standard-schema/spec';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { BroadcastTransport } from '../../../client/platform/environment.ts';
import { createBrowser, waitUntilLive, offlineFetch, createStoreFixture } from '../testing/browser.ts';
import { waitForCondition } from '../testing/test-server.ts';

const stores = createStoreFixture();
/** Accepts every value, unlike the gate. */
const anySchema: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const SILENT_CHANNEL: BroadcastTransport = { postMessage: () => undefined, onmessage: null, close: () => undefined };

/** Tabs detect a lost leader within a few heartbeats. */
const timing = { heartbeat: 1_000, silence: scaleMs(5_000) };
let users = 0;
const newUser = (): string => `tabs${(users += 1)}`;

const isLeader = async (store: { readonly inspect: () => Promise<{ readonly isLeader: boolean }> }): Promise<boolean> =>
  (await store.inspect()).isLeader;

test('one of two tabs syncs, and the other shows its status and its changes', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const first = stores.open(alice, browser, { timing });
  await waitUntilLive(first);
  const requests: string[] = [];
  const second = stores.open(alice, browser, {
    timing,
    environment: {
      fetch: (input, init) => {
        requests.push(input instanceof Request ? input.url : input.toString());
        return fetch(input, init);
      },
    },
  });
  await waitUntilLive(second);
  await second.set({ theme: 'dark' });
  await waitUntilLive(second);
  await waitUntilLive(first);
  expect(first.get().theme).toBe('dark');
  expect([await isLeader(first), await isLeader(second)]).toEqual([true, false]);
  expect(requests).toEqual([]);
  await first.close();
  await second.set({ viewMode: 'graph' });
  await waitUntilLive(second);
  expect(await isLeader(second)).toBe(true);
});

test('every tab shows why the leader is not connected, and which parts of its own browser do not work', async () => {
  const alice = newUser();
  const browser = createBrowser();
  let isPortal = true;
  const fetchFrom: typeof fetch = (...request) =>
    isPortal ? Promise.resolve(new Response('<html>', { status: 200 })) : fetch(...request);
  const full = new Proxy<Record<string, string>>(
    {},
    {
      set: () => {
        throw new DOMException('The quota is exceeded.', 'QuotaExceededError');
      },
    },
  );
  const leader = stores.open(alice, browser, { timing, environment: { fetch: fetchFrom } });
  await waitForCondition(leader.subscribe, () => leader.status().state === 'offline');
  const follower = stores.open(alice, browser, { timing, environment: { fetch: fetchFrom, storage: full } });
  await waitForCondition(follower.subscribe, () => follower.status().state === 'offline');
  expect(await isLeader(follower)).toBe(false);
  expect([leader, follower].map((tab) => tab.status().reasons)).toEqual([
    ['html-page'],
    ['storage-unavailable', 'html-page'],
  ]);
  isPortal = false;
  follower.retry();
  await waitUntilLive(leader);
  await waitUntilLive(follower);
  expect([leader, follower].map((tab) => tab.status().reasons)).toEqual([[], ['storage-unavailable']]);
});

test('refused is emitted once in every tab, also after an interruption', async () => {
  const alice = newUser();
  const browser = createBrowser();
  let online = true;
  const first = stores.open(alice, browser, {
    timing,
    ...({ schema: anySchema } as object),
    environment: { fetch: (...request) => (online ? fetch(...request) : offlineFetch(...request)) },
  });
  await waitUntilLive(first);
  const second = stores.open(alice, browser, { timing });
  await waitUntilLive(second);
  const refusedKeys: unknown[] = [];
  for (const tab of [first, second]) tab.on('refused', ({ key }) => refusedKeys.push(key));
  const waitForBoth = (state: string): Promise<unknown> =>
    Promise.all([first, second].map((tab) => waitForCondition(tab.subscribe, () => tab.status().state === state)));

  // An application whose schema differs from the gate's.
  await first.set({ theme: 'sepia' as never });
  await waitForBoth('refused');
  online = false;
  await first.set({ viewMode: 'graph' });
  await waitForBoth('offline');
  online = true;
  first.retry();
  await waitForBoth('refused');
  expect(refusedKeys).toEqual(['theme', 'theme']);
});

test('a visible tab replaces a leader that does not respond', async () => {
  const alice = newUser();
  const browser = createBrowser();
  // It holds the lock and sends no messages, as a page whose script hangs.
  const hung = stores.open(alice, browser, { timing, environment: { openChannel: () => SILENT_CHANNEL } });
  await waitUntilLive(hung);
  const hidden = stores.open(alice, browser, { timing, environment: { isVisible: () => false } });
  const visible = stores.open(alice, browser, { timing, environment: { isVisible: () => true } });
  await waitUntilLive(visible);
  await waitUntilLive(hidden);
  expect([await isLeader(hung), await isLeader(hidden), await isLeader(visible)]).toEqual([false, false, true]);
});

test.each([
  ['a frozen page', 'freeze', 'resume'],
  ['a page in the back/forward cache', 'pagehide', 'pageshow'],
])('%s hands over the leadership and does not take it back', async (_name, freeze, resume) => {
  const alice = newUser();
  const browser = createBrowser();
  let setFrozen: (isFrozen: boolean) => void = () => undefined;
  const first = stores.open(alice, browser, {
    timing,
    environment: {
      listen: (events, listener) => {
        if (events.includes(freeze)) setFrozen = (isFrozen) => listener({ type: isFrozen ? freeze : resume });
        return () => undefined;
      },
    },
  });
  await waitUntilLive(first);
  const second = stores.open(alice, browser, { timing });
  await waitUntilLive(second);
  setFrozen(true);
  await second.set({ theme: 'dark' });
  await waitUntilLive(second);
  expect([await isLeader(first), await isLeader(second)]).toEqual([false, true]);
  setFrozen(false);
  await second.set({ viewMode: 'graph' });
  await waitForCondition(first.subscribe, () => first.get().viewMode === 'graph');
  await waitUntilLive(first);
  expect([await isLeader(first), await isLeader(second)]).toEqual([false, true]);
  await second.close();
  await first.set({ theme: 'light' });
  await waitUntilLive(first);
  expect(await isLeader(first)).toBe(true);
});

test('a page aborts its requests while it is being unloaded', async () => {
  let unload: () => void = () => undefined;
  const signals: AbortSignal[] = [];
  const store = stores.open(newUser(), createBrowser(), {
    timing,
    environment: {
      listen: (events, listener) => {
        if (events.includes('pagehide')) unload = () => listener({ type: 'pagehide' });
        return () => undefined;
      },
      fetch: (input, init) => {
        if (init?.signal) signals.push(init.signal);
        return fetch(input, init);
      },
    },
  });
  await waitUntilLive(store);
  expect(signals.filter(({ aborted }) => !aborted)).not.toHaveLength(0);
  unload();
  // In the same task: no code runs after the event.
  expect(signals.filter(({ aborted }) => !aborted)).toHaveLength(0);
});

test('without Web Locks every tab syncs on its own, and all show the same', async () => {
  const alice = newUser();
  const tabs = [createBrowser(), createBrowser(), createBrowser()].map((browser, _n, [shared]) =>
    stores.open(alice, { ...browser, open: shared?.open ?? browser.open }, { timing }),
  );
  await Promise.all(tabs.map(waitUntilLive));
  await Promise.all(
    tabs.map((tab, n) =>
      tab.set(([{ theme: 'dark' }, { viewMode: 'graph' }, { recapTime: '20:00' }] as const)[n] ?? {}),
    ),
  );
  for (const tab of tabs) {
    await waitForCondition(tab.subscribe, () => {
      const { theme, viewMode, recapTime } = tab.get();
      return theme === 'dark' && viewMode === 'graph' && recapTime === '20:00';
    });
    await waitUntilLive(tab);
    expect(await isLeader(tab)).toBe(true);
  }
});

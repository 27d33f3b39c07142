import type { BroadcastTransport } from '../../../client/platform/environment.ts';
import { createBrowser, waitUntilLive, offlineFetch, createStoreFixture } from '../testing/browser.ts';
import { waitForCondition } from '../testing/test-server.ts';

const stores = createStoreFixture();
const SILENT_CHANNEL: BroadcastTransport = { postMessage: () => undefined, onmessage: null, close: () => undefined };

/** Tabs find out within a few of these that nobody leads. */
const timing = { heartbeat: 1_000, silence: 5_000 };
let users = 0;
const newUser = (): string => `tabs${(users += 1)}`;

const isLeader = async (store: { readonly inspect: () => Promise<{ readonly isLeader: boolean }> }): Promise<boolean> =>
  (await store.inspect()).isLeader;

test('one of two tabs leads, the other shows its status and its changes', async () => {
  const alice = newUser();
  const browser = createBrowser();
  const first = stores.open(alice, browser, { timing });
  await waitUntilLive(first);
  const asked: string[] = [];
  const second = stores.open(alice, browser, {
    timing,
    environment: {
      fetch: (input, init) => {
        asked.push(input instanceof Request ? input.url : input.toString());
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
  expect(asked).toEqual([]);
  await first.close();
  await second.set({ viewMode: 'graph' });
  await waitUntilLive(second);
  expect(await isLeader(second)).toBe(true);
});

test('a refused edit is told once in every tab, whatever happens to the connection afterwards', async () => {
  const alice = newUser();
  const browser = createBrowser();
  let online = true;
  let clock = 0;
  const first = stores.open(alice, browser, {
    timing,
    environment: {
      now: () => Date.now() + clock,
      fetch: (...request) => (online ? fetch(...request) : offlineFetch(...request)),
    },
  });
  await waitUntilLive(first);
  const second = stores.open(alice, browser, { timing });
  await waitUntilLive(second);
  const told: unknown[] = [];
  for (const tab of [first, second]) tab.on('refused', ({ key }) => told.push(key));
  const reaches = (state: string): Promise<unknown> =>
    Promise.all([first, second].map((tab) => waitForCondition(tab.subscribe, () => tab.status().state === state)));

  // The gate takes no stamp that is more than a day ahead of its own clock.
  clock = 3 * 24 * 3_600_000;
  await first.set({ theme: 'dark' });
  clock = 0;
  await reaches('refused');
  online = false;
  await first.set({ viewMode: 'graph' });
  await reaches('offline');
  online = true;
  first.retry();
  await reaches('refused');
  expect(told).toEqual(['theme', 'theme']);
});

test('a leader that answers nobody is replaced by a tab that a person looks at, and gives way', async () => {
  const alice = newUser();
  const browser = createBrowser();
  // It holds the lock, and is never heard: as a page whose script hangs.
  const hung = stores.open(alice, browser, { timing, environment: { openChannel: () => SILENT_CHANNEL } });
  await waitUntilLive(hung);
  const hidden = stores.open(alice, browser, { timing, environment: { isVisible: () => false } });
  const seen = stores.open(alice, browser, { timing, environment: { isVisible: () => true } });
  await waitUntilLive(seen);
  await waitUntilLive(hidden);
  expect([await isLeader(hung), await isLeader(hidden), await isLeader(seen)]).toEqual([false, false, true]);
});

test('a page that is frozen lets another lead, and does not take the lead back', async () => {
  const alice = newUser();
  const browser = createBrowser();
  let change: (isFrozen: boolean) => void = () => undefined;
  const first = stores.open(alice, browser, {
    timing,
    environment: {
      listen: (types, listener) => {
        if (types.includes('freeze')) change = (isFrozen) => listener({ type: isFrozen ? 'freeze' : 'resume' });
        return () => undefined;
      },
    },
  });
  await waitUntilLive(first);
  const second = stores.open(alice, browser, { timing });
  await waitUntilLive(second);
  change(true);
  await second.set({ theme: 'dark' });
  await waitUntilLive(second);
  expect([await isLeader(first), await isLeader(second)]).toEqual([false, true]);
  change(false);
  await second.set({ viewMode: 'graph' });
  await waitForCondition(first.subscribe, () => first.get().viewMode === 'graph');
  await waitUntilLive(first);
  expect([await isLeader(first), await isLeader(second)]).toEqual([false, true]);
  await second.close();
  await first.set({ theme: 'light' });
  await waitUntilLive(first);
  expect(await isLeader(first)).toBe(true);
});

test('without locks every tab syncs by itself, and all show the same', async () => {
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

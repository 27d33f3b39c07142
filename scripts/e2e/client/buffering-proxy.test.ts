import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { createPreferencesStream } from '../../../client/stream.ts';
import { startBufferingProxy, type BufferingMode } from '../testing/buffering-proxy.ts';
import { createDeviceFixture, recordStates, waitForPreferences, waitForState } from '../testing/device.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

/** Proxies that buffer heartbeats: the client falls back to responses that the gate completes after a timeout. */

const devices = createDeviceFixture();
const timing = { heartbeat: 1_000, silence: scaleMs(2_000) };
const isBounded = (path: string): boolean => path.includes('timeout=20000');

test.each(['all', 'rest'] satisfies BufferingMode[])(
  'a store becomes and stays live behind a proxy that holds back %s of a response, without a status in between',
  async (mode) => {
    const user = devices.newUser();
    const proxy = await startBufferingProxy(devices.server.url, mode);
    const { store } = devices.open(user, createInMemoryBrowser(), {
      url: devices.server.registryUrl.replace(devices.server.url, proxy.url),
      timing,
    });
    const other = devices.open(user).store;
    const states = recordStates(store);
    await Promise.all([
      waitForCondition(proxy.subscribe, () => proxy.requests().some(isBounded)),
      waitForState(other, 'live'),
    ]);
    await waitForState(store, 'live');
    expect(states).not.toContain('offline');
    const liveStates = recordStates(store);
    for (const theme of ['dark', 'light', 'system'] as const) {
      await other.set({ theme });
      await waitForPreferences(store, { theme });
    }
    await store.set({ viewMode: 'graph' });
    await waitForPreferences(other, { viewMode: 'graph' });
    await waitForState(store, 'live', 0);
    expect(liveStates).not.toContain('offline');
  },
);

test.each(['all', 'rest'] satisfies BufferingMode[])(
  'a stream receives changes behind a proxy that holds back %s of a response',
  async (mode) => {
    const user = devices.newUser();
    const proxy = await startBufferingProxy(devices.server.url, mode);
    const { store } = devices.open(user);
    await waitForState(store, 'live');
    const stream = createPreferencesStream({
      url: `${proxy.url}/api/users/preferences/stream`,
      username: user,
      getToken: () => Promise.resolve(devices.server.token(user)),
      silence: scaleMs(2_000),
    });
    try {
      await waitForCondition(proxy.subscribe, () => proxy.requests().some(isBounded));
      for (const theme of ['dark', 'light'] as const) {
        await store.set({ theme });
        await waitForCondition(stream.subscribe, () => stream.get().theme === theme);
        expect(stream.status().state).toBe('live');
      }
    } finally {
      stream.close();
    }
  },
);

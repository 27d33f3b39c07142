import { createSimulatedNetwork } from './simulated-network.ts';

function setUp() {
  const storage: Record<string, string> = {};
  const requests: RequestInit[] = [];
  let notifyOtherTabChange = (): void => undefined;
  const network = createSimulatedNetwork({
    storageKey: 'network',
    base: {
      storage,
      fetch: (_input, init = {}) => {
        requests.push(init);
        return new Promise((_resolve, reject) => {
          init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        });
      },
      listen: () => () => undefined,
    },
    onOtherTabChange: (listener) => (notifyOtherTabChange = listener),
  });
  return { network, storage, requests, notifyOtherTabChange: () => notifyOtherTabChange() };
}

test('going offline aborts pending requests, emits `offline` and rejects further requests', async () => {
  const { network, requests } = setUp();
  let offlineEvents = 0;
  network.environment.listen('offline', () => (offlineEvents += 1));
  const pending = network.environment.fetch('https://example.org/');
  network.setOffline(true);
  await expect(pending).rejects.toThrow('aborted');
  await expect(network.environment.fetch('https://example.org/')).rejects.toThrow(TypeError);
  expect([offlineEvents, requests.length]).toEqual([1, 1]);
});

test('going online emits `online` and lets requests through again', () => {
  const { network, requests } = setUp();
  let onlineEvents = 0;
  const unsubscribe = network.environment.listen('online resume', () => (onlineEvents += 1));
  network.setOffline(true);
  network.setOffline(false);
  void network.environment.fetch('https://example.org/').catch(() => undefined);
  expect([onlineEvents, requests.length]).toEqual([1, 1]);
  unsubscribe();
  network.setOffline(true);
  network.setOffline(false);
  expect(onlineEvents).toBe(1);
});

test('a change in another tab takes effect here, too', () => {
  const { network, storage, notifyOtherTabChange } = setUp();
  let offlineEvents = 0;
  network.environment.listen('offline', () => (offlineEvents += 1));
  storage['network'] = 'cut';
  notifyOtherTabChange();
  expect([network.isOffline(), offlineEvents]).toEqual([true, 1]);
});

test('the caller of a request can abort it', async () => {
  const { network } = setUp();
  const caller = new AbortController();
  const pending = network.environment.fetch('https://example.org/', { signal: caller.signal });
  caller.abort();
  await expect(pending).rejects.toThrow('aborted');
});

import { createSimulatedNetwork } from './simulated-network.ts';

function setUp() {
  const storage: Record<string, string> = {};
  const requests: RequestInit[] = [];
  let otherTab = (): void => undefined;
  const network = createSimulatedNetwork({
    storageKey: 'line',
    base: {
      storage,
      fetch: (_input, init = {}) => {
        requests.push(init);
        return new Promise((_resolve, reject) => {
          init.signal?.addEventListener('abort', () => reject(new DOMException('cut', 'AbortError')));
        });
      },
      listen: () => () => undefined,
    },
    onOtherTabChange: (changed) => (otherTab = changed),
  });
  return { line: network, storage, asked: requests, otherTab: () => otherTab() };
}

test('cutting ends the requests that are under way, says that the network is lost, and lets no other through', async () => {
  const { line, asked } = setUp();
  let lost = 0;
  line.environment.listen('offline', () => (lost += 1));
  const pending = line.environment.fetch('https://example.org/');
  line.setOffline(true);
  await expect(pending).rejects.toThrow('cut');
  await expect(line.environment.fetch('https://example.org/')).rejects.toThrow(TypeError);
  expect([lost, asked.length]).toEqual([1, 1]);
});

test('mending says that the network is back, and lets requests through again', () => {
  const { line, asked } = setUp();
  let wakes = 0;
  const end = line.environment.listen('online resume', () => (wakes += 1));
  line.setOffline(true);
  line.setOffline(false);
  void line.environment.fetch('https://example.org/').catch(() => undefined);
  expect([wakes, asked.length]).toEqual([1, 1]);
  end();
  line.setOffline(true);
  line.setOffline(false);
  expect(wakes).toBe(1);
});

test('what another tab does to it counts here too', () => {
  const { line, storage, otherTab } = setUp();
  let lost = 0;
  line.environment.listen('offline', () => (lost += 1));
  storage['line'] = 'cut';
  otherTab();
  expect([line.isOffline(), lost]).toEqual([true, 1]);
});

test('a request that its own caller calls off is called off', async () => {
  const { line } = setUp();
  const caller = new AbortController();
  const pending = line.environment.fetch('https://example.org/', { signal: caller.signal });
  caller.abort();
  await expect(pending).rejects.toThrow('cut');
});

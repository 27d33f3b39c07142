import { createLine } from './simulated-network.ts';

function setUp() {
  const storage: Record<string, string> = {};
  const asked: RequestInit[] = [];
  let otherTab = (): void => undefined;
  const line = createLine({
    key: 'line',
    base: {
      storage,
      fetch: (_input, init = {}) => {
        asked.push(init);
        return new Promise((_resolve, reject) => {
          init.signal?.addEventListener('abort', () => reject(new DOMException('cut', 'AbortError')));
        });
      },
      listen: () => () => undefined,
    },
    onOtherTab: (changed) => (otherTab = changed),
  });
  return { line, storage, asked, otherTab: () => otherTab() };
}

test('cutting ends the requests that are under way, says that the network is lost, and lets no other through', async () => {
  const { line, asked } = setUp();
  let lost = 0;
  line.environment.listen('offline', () => (lost += 1));
  const pending = line.environment.fetch('https://example.org/');
  line.setCut(true);
  await expect(pending).rejects.toThrow('cut');
  await expect(line.environment.fetch('https://example.org/')).rejects.toThrow(TypeError);
  expect([lost, asked.length]).toEqual([1, 1]);
});

test('mending says that the network is back, and lets requests through again', () => {
  const { line, asked } = setUp();
  let wakes = 0;
  const end = line.environment.listen('online resume', () => (wakes += 1));
  line.setCut(true);
  line.setCut(false);
  void line.environment.fetch('https://example.org/').catch(() => undefined);
  expect([wakes, asked.length]).toEqual([1, 1]);
  end();
  line.setCut(true);
  line.setCut(false);
  expect(wakes).toBe(1);
});

test('what another tab does to it counts here too', () => {
  const { line, storage, otherTab } = setUp();
  let lost = 0;
  line.environment.listen('offline', () => (lost += 1));
  storage['line'] = 'cut';
  otherTab();
  expect([line.isCut(), lost]).toEqual([true, 1]);
});

test('a request that its own caller calls off is called off', async () => {
  const { line } = setUp();
  const caller = new AbortController();
  const pending = line.environment.fetch('https://example.org/', { signal: caller.signal });
  caller.abort();
  await expect(pending).rejects.toThrow('cut');
});

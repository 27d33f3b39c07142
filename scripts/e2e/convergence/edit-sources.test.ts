/** Concurrent edits of one document from every source: two browsers that were offline, REST, and the bot. */
import type { UserPreferencesResponse } from '../../../server/contract.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { createDeviceFactory, waitForState, type Device, type DeviceFactory } from '../testing/device.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition, type TestServer } from '../testing/test-server.ts';

let api: FakeTelegramApi;
let server: TestServer;
let devices: DeviceFactory;
beforeAll(async () => {
  api = await startFakeTelegramApi();
  server = await startTestServer({ env: { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot() } });
  devices = createDeviceFactory(() => server);
});
afterAll(async () => {
  await devices.close();
  await server.close();
  await api.close();
});

const requestJson = async (user: string, path: string, method: string, body?: object): Promise<unknown> => {
  const response = await fetch(`${server.url}/api/users${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token(user)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return response.json();
};
const fetchPreferences = async (user: string): Promise<UserPreferencesResponse> =>
  (await requestJson(user, '/preferences', 'GET')) as UserPreferencesResponse;

/** Creates a user with a linked chat and two offline browsers. */
async function createOfflineUser() {
  const user = server.accountName(devices.newUser());
  const { code } = (await requestJson(user, '/telegram/link', 'POST')) as { code: string };
  const chat = api.createPerson('Ada', 'ada');
  await chat.sendMessage(`/start ${code}`);
  const browsers = [devices.open(user, createInMemoryBrowser()), devices.open(user, createInMemoryBrowser())] as const;
  await Promise.all(browsers.map(({ store }) => waitForState(store, 'live', 0)));
  for (const { setOffline } of browsers) setOffline(true);
  await Promise.all(browsers.map(({ store }) => waitForState(store, 'offline')));
  return { user, chat, browsers };
}

const goOnline = async (browsers: readonly Device[]): Promise<void> => {
  for (const { setOffline } of browsers) setOffline(false);
  await Promise.all(browsers.map(({ store }) => waitForState(store, 'live', 0)));
};

const waitForExactPreferences = ({ store }: Device, expected: object): Promise<void> =>
  waitForCondition(
    store.subscribe,
    () => JSON.stringify(sortedEntries(store.get())) === JSON.stringify(sortedEntries(expected)),
  );
const sortedEntries = (members: object) => Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));

test('concurrent edits of different preferences are all kept', async () => {
  const { user, chat, browsers } = await createOfflineUser();
  const [left, right] = browsers;
  await Promise.all([
    left.store.set({ theme: 'dark' }),
    right.store.set({ selectedTags: ['right'] }),
    requestJson(user, '/preferences', 'PATCH', { viewMode: 'graph', timezone: 'Europe/Vienna' }),
    chat.sendMessage('/briefing on 06:30'),
    requestJson(user, '/preferences', 'PATCH', { selectedContexts: ['rest'] }),
    chat.sendMessage('/sidebar off'),
  ]);
  await goOnline(browsers);
  const expected = {
    theme: 'dark',
    selectedTags: ['right'],
    viewMode: 'graph',
    timezone: 'Europe/Vienna',
    dailyBriefing: true,
    briefingTime: '06:30',
    selectedContexts: ['rest'],
    activitySidebarOpen: false,
  };
  const { preferences, edits } = await fetchPreferences(user);
  expect(preferences).toMatchObject(expected);
  await Promise.all(browsers.map((browser) => waitForExactPreferences(browser, preferences)));
  const sourceOf = (key: string): string | undefined => edits[key]?.by;
  expect(['theme', 'selectedTags', 'viewMode', 'selectedContexts', 'briefingTime'].map(sourceOf)).toEqual([
    'device',
    'device',
    'rest',
    'rest',
    'telegram',
  ]);
});

test('of concurrent edits of one preference, the one with the greatest stamp wins everywhere', async () => {
  const { user, chat, browsers } = await createOfflineUser();
  const [left, right] = browsers;
  await Promise.all([
    left.store.set({ theme: 'dark' }),
    right.store.set({ theme: 'light' }),
    requestJson(user, '/preferences', 'PATCH', { theme: 'system' }),
    chat.sendMessage('/theme dark'),
  ]);
  const stampsOf = async ({ store }: Device): Promise<string> =>
    ((await store.inspect()).leaves.find(({ _deleted }) => _deleted !== true)?.['edits'] as Record<string, string>)[
      'theme'
    ] ?? '';
  const deviceStamps = await Promise.all([stampsOf(left), stampsOf(right)]);
  const rest = await fetchPreferences(user);
  await goOnline(browsers);
  const merged = await fetchPreferences(user);
  await Promise.all(browsers.map((browser) => waitForExactPreferences(browser, merged.preferences)));
  const stamps = await Promise.all(browsers.map(stampsOf));
  expect(new Set(stamps).size).toBe(1);
  const greatest = [...deviceStamps].sort().at(-1) ?? '';
  expect(stamps[0]?.localeCompare(greatest)).toBeGreaterThanOrEqual(0);
  const isFromDevice = stamps[0] === greatest;
  const expected = isFromDevice ? (deviceStamps[0] === greatest ? 'dark' : 'light') : rest.preferences.theme;
  expect(merged.preferences.theme).toBe(expected);
});

/** The same document by every door at once: two browsers that were offline, plain HTTP, and the bot. */
import type { UserPreferencesAnswer } from '../../../server/contract.ts';
import { startBotApi, type BotApi } from '../../../server/testing/fake-telegram-api.ts';
import { devicesOf, reaches, type Device, type Devices } from '../testing/device.ts';
import { newBrowser, startTestServer, until, type TestServer } from '../testing/test-server.ts';

let api: BotApi;
let server: TestServer;
let devices: Devices;
beforeAll(async () => {
  api = await startBotApi();
  server = await startTestServer({ env: { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.root() } });
  devices = devicesOf(() => server);
});
afterAll(async () => {
  await devices.close();
  await server.close();
  await api.close();
});

const ask = async (user: string, path: string, method: string, body?: object): Promise<unknown> => {
  const response = await fetch(`${server.url}/api/users${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token(user)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return response.json();
};
const preferencesOf = async (user: string): Promise<UserPreferencesAnswer> =>
  (await ask(user, '/preferences', 'GET')) as UserPreferencesAnswer;

/** Somebody with a linked chat and two browsers that have lost the network. */
async function everywhere() {
  const user = server.account(devices.newUser());
  const { code } = (await ask(user, '/telegram/link', 'POST')) as { code: string };
  const chat = api.person('Ada', 'ada');
  await chat.say(`/start ${code}`);
  const browsers = [devices.open(user, newBrowser()), devices.open(user, newBrowser())] as const;
  await Promise.all(browsers.map(({ store }) => reaches(store, 'live', 0)));
  for (const { setOffline } of browsers) setOffline(true);
  await Promise.all(browsers.map(({ store }) => reaches(store, 'offline')));
  return { user, chat, browsers };
}

const backOnline = async (browsers: readonly Device[]): Promise<void> => {
  for (const { setOffline } of browsers) setOffline(false);
  await Promise.all(browsers.map(({ store }) => reaches(store, 'live', 0)));
};

const alike = ({ store }: Device, expected: object): Promise<void> =>
  until(store.subscribe, () => JSON.stringify(sorted(store.get())) === JSON.stringify(sorted(expected)));
const sorted = (members: object) => Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));

test('edits of different preferences all survive', async () => {
  const { user, chat, browsers } = await everywhere();
  const [left, right] = browsers;
  await Promise.all([
    left.store.set({ theme: 'dark' }),
    right.store.set({ selectedTags: ['right'] }),
    ask(user, '/preferences', 'PATCH', { viewMode: 'graph', timezone: 'Europe/Vienna' }),
    chat.say('/briefing on 06:30'),
    ask(user, '/preferences', 'PATCH', { selectedContexts: ['rest'] }),
    chat.say('/sidebar off'),
  ]);
  await backOnline(browsers);
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
  const { preferences, edits } = await preferencesOf(user);
  expect(preferences).toMatchObject(expected);
  await Promise.all(browsers.map((each) => alike(each, preferences)));
  const by = (key: string): string | undefined => edits[key]?.by;
  expect(['theme', 'selectedTags', 'viewMode', 'selectedContexts', 'briefingTime'].map(by)).toEqual([
    'device',
    'device',
    'rest',
    'rest',
    'telegram',
  ]);
});

test('of edits of the same preference the one with the greatest stamp holds everywhere', async () => {
  const { user, chat, browsers } = await everywhere();
  const [left, right] = browsers;
  await Promise.all([
    left.store.set({ theme: 'dark' }),
    right.store.set({ theme: 'light' }),
    ask(user, '/preferences', 'PATCH', { theme: 'system' }),
    chat.say('/theme dark'),
  ]);
  const stampsOf = async ({ store }: Device): Promise<string> =>
    ((await store.inspect()).leaves.find(({ _deleted }) => _deleted !== true)?.['edits'] as Record<string, string>)[
      'theme'
    ] ?? '';
  const own = await Promise.all([stampsOf(left), stampsOf(right)]);
  const rest = await preferencesOf(user);
  await backOnline(browsers);
  const after = await preferencesOf(user);
  await Promise.all(browsers.map((each) => alike(each, after.preferences)));
  const stamps = await Promise.all(browsers.map(stampsOf));
  expect(new Set(stamps).size).toBe(1);
  const greatest = [...own].sort().at(-1) ?? '';
  expect(stamps[0]?.localeCompare(greatest)).toBeGreaterThanOrEqual(0);
  const isDevices = stamps[0] === greatest;
  const expected = isDevices ? (own[0] === greatest ? 'dark' : 'light') : rest.preferences.theme;
  expect(after.preferences.theme).toBe(expected);
});

import { z } from 'zod';
import { createPreferencesStream, type PreferencesStream, type StreamOptions } from '../../../client/stream.ts';
import { reaches, shows, stage } from '../testing/device.ts';
import { openLine } from '../testing/severable-proxy.ts';
import { until } from '../testing/test-server.ts';

/** The light store that only reads, on a real server, beside devices that write. */

const devices = stage();
const streams: { readonly close: () => void }[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

const optionsOf = (username: string, more: Partial<StreamOptions> = {}): StreamOptions => ({
  url: `${devices.server.url}/api/users/preferences/stream`,
  username,
  getToken: () => Promise.resolve(devices.server.token(username)),
  ...more,
});
const open = (username: string, more?: Partial<StreamOptions>): PreferencesStream => {
  const stream = createPreferencesStream(optionsOf(username, more));
  streams.push(stream);
  return stream;
};
const isShown = (stream: PreferencesStream, theme: string): Promise<void> =>
  until(stream.subscribe, () => stream.get().theme === theme);
const isIn = (stream: PreferencesStream, state: string): Promise<void> =>
  until(stream.subscribe, () => stream.status().state === state);
const statesOf = (stream: PreferencesStream): string[] => {
  const states: string[] = [stream.status().state];
  stream.subscribe(() => {
    const { state } = stream.status();
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
};

test('what a device sets is shown, and the defaults before anything has come', async () => {
  const user = devices.newUser();
  const stream = open(user);
  const states = statesOf(stream);
  expect(stream.get()).toMatchObject({ theme: 'system', viewMode: 'kanban' });
  await stream.ready;
  await isIn(stream, 'live');
  expect(states).toEqual(['starting', 'catching-up', 'live']);
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await isShown(stream, 'dark');
  expect(stream.status()).toMatchObject({ state: 'live', unsent: 0, refused: [] });
});

test('a restart of the server is survived, and what was missed is told', async () => {
  const user = devices.newUser();
  const stream = open(user);
  await isIn(stream, 'live');
  const states = statesOf(stream);
  await devices.server.stop();
  await isIn(stream, 'offline');
  await devices.server.start();
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await isShown(stream, 'dark');
  await isIn(stream, 'live');
  expect(states[0]).toBe('live');
  expect(states).toContain('offline');
  expect(states.at(-1)).toBe('live');
});

test('a token that the server refuses is renewed once, and without another the person has to sign in', async () => {
  const user = devices.newUser();
  const asked: (string | undefined)[] = [];
  let canRenew = true;
  const stream = open(user, {
    getToken: (refused) => {
      asked.push(refused);
      if (refused === undefined) return Promise.resolve('x.y.z');
      return Promise.resolve(canRenew ? devices.server.token(user) : undefined);
    },
  });
  await isIn(stream, 'live');
  expect(asked).toEqual([undefined, 'x.y.z']);
  canRenew = false;
  const other = open(user, { getToken: () => Promise.resolve(undefined) });
  await isIn(other, 'sign-in-needed');
  expect(other.get().theme).toBe('system');
});

test('another user’s stream is not shown', async () => {
  const [alice, bob] = [devices.newUser(), devices.newUser()];
  const { store } = devices.open(bob);
  await store.set({ theme: 'dark' });
  await reaches(store, 'live', 0);
  const stream = open(alice, { getToken: () => Promise.resolve(devices.server.token(bob)) });
  await isIn(stream, 'sign-in-needed');
  expect(stream.get().theme).toBe('system');
});

test('a network that falls silent is noticed, and left behind once there is another', async () => {
  const user = devices.newUser();
  const line = await openLine(devices.server.url);
  const stream = open(user, { url: optionsOf(user).url.replace(devices.server.url, line.url), silence: 1_000 });
  const states = statesOf(stream);
  await isIn(stream, 'live');
  line.stall();
  await isIn(stream, 'offline');
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  line.clear();
  await isShown(stream, 'dark');
  expect(states.slice(0, 4)).toEqual(['starting', 'catching-up', 'live', 'offline']);
  stream.close();
  await line.close();
});

test('it takes a schema of the application’s own, and shows what that knows', async () => {
  const user = devices.newUser();
  const { store } = devices.open(user);
  await store.set({ theme: 'dark', viewMode: 'graph' });
  await reaches(store, 'live', 0);
  const schema = z.strictObject({ theme: z.enum(['dark', 'light']).optional(), density: z.enum(['cosy']).optional() });
  const stream = createPreferencesStream({ ...optionsOf(user), schema, defaults: { density: 'cosy' } });
  streams.push(stream);
  await stream.ready;
  expect(stream.get()).toEqual({ theme: 'dark', density: 'cosy' });
});

test('once closed it tells nothing more', async () => {
  const user = devices.newUser();
  const stream = open(user);
  await isIn(stream, 'live');
  stream.close();
  let told = 0;
  stream.subscribe(() => (told += 1));
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await shows(store, { theme: 'dark' });
  await reaches(store, 'live', 0);
  expect(told).toBe(0);
  expect(stream.get().theme).toBe('system');
});

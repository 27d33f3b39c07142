import { z } from 'zod';
import {
  createPreferencesStream,
  type PreferencesStream,
  type StatusReason,
  type StreamOptions,
  type SyncState,
} from '../../../client/stream.ts';
import { waitForState, waitForPreferences, waitForReason, createDeviceFixture } from '../testing/device.ts';
import { startFaultyProxy } from '../testing/faulty-proxy.ts';
import { startSeverableProxy } from '../testing/severable-proxy.ts';
import { waitForCondition } from '../testing/test-server.ts';

/** The read-only stream on a real server, with devices that write. */

const devices = createDeviceFixture();
const streams: { readonly close: () => void }[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

const optionsOf = (username: string, overrides: Partial<StreamOptions> = {}): StreamOptions => ({
  url: `${devices.server.url}/api/users/preferences/stream`,
  username,
  getToken: () => Promise.resolve(devices.server.token(username)),
  ...overrides,
});
const openStream = (username: string, overrides?: Partial<StreamOptions>): PreferencesStream => {
  const stream = createPreferencesStream(optionsOf(username, overrides));
  streams.push(stream);
  return stream;
};
const waitForStreamTheme = (stream: PreferencesStream, theme: string): Promise<void> =>
  waitForCondition(stream.subscribe, () => stream.get().theme === theme);
const waitForStreamState = (stream: PreferencesStream, state: string): Promise<void> =>
  waitForCondition(stream.subscribe, () => stream.status().state === state);
const recordStreamStates = (stream: PreferencesStream): string[] => {
  const states: string[] = [stream.status().state];
  stream.subscribe(() => {
    const { state } = stream.status();
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
};

test('shows the defaults before the first event, and then what a device sets', async () => {
  const user = devices.newUser();
  const stream = openStream(user);
  const states = recordStreamStates(stream);
  expect(stream.get()).toMatchObject({ theme: 'system', viewMode: 'kanban' });
  await stream.ready;
  await waitForStreamState(stream, 'live');
  expect(states).toEqual(['starting', 'catching-up', 'live']);
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await waitForStreamTheme(stream, 'dark');
  expect(stream.status()).toMatchObject({ state: 'live', unsent: 0, refused: [] });
});

test('reconnects after a server restart and shows the missed changes', async () => {
  const user = devices.newUser();
  const stream = openStream(user);
  await waitForStreamState(stream, 'live');
  const states = recordStreamStates(stream);
  await devices.server.stop();
  await waitForStreamState(stream, 'offline');
  await devices.server.start();
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await waitForStreamTheme(stream, 'dark');
  await waitForStreamState(stream, 'live');
  expect(states[0]).toBe('live');
  expect(states).toContain('offline');
  expect(states.at(-1)).toBe('live');
});

test('renews a rejected token once, and requires sign-in when there is no other', async () => {
  const user = devices.newUser();
  const rejectedTokens: (string | undefined)[] = [];
  let canRenew = true;
  const stream = openStream(user, {
    getToken: (refused) => {
      rejectedTokens.push(refused);
      if (refused === undefined) return Promise.resolve('x.y.z');
      return Promise.resolve(canRenew ? devices.server.token(user) : undefined);
    },
  });
  await waitForStreamState(stream, 'live');
  expect(rejectedTokens).toEqual([undefined, 'x.y.z']);
  canRenew = false;
  const other = openStream(user, { getToken: () => Promise.resolve(undefined) });
  await waitForStreamState(other, 'sign-in-needed');
  expect(other.get().theme).toBe('system');
});

test('does not show another user’s stream', async () => {
  const [alice, bob] = [devices.newUser(), devices.newUser()];
  const { store } = devices.open(bob);
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  const stream = openStream(alice, { getToken: () => Promise.resolve(devices.server.token(bob)) });
  await waitForStreamState(stream, 'sign-in-needed');
  expect(stream.status()).toMatchObject({ reason: 'wrong-user', reasons: ['wrong-user'] });
  expect(stream.get().theme).toBe('system');
});

test.each<[SyncState, StatusReason, (user: string) => Partial<StreamOptions>]>([
  ['offline', 'wrong-url', () => ({ url: `${devices.server.url}/api/users/preferences/streams` })],
  ['offline', 'network-unreachable', () => ({ url: 'http://127.0.0.1:9/api/users/preferences/stream' })],
  ['offline', 'token-unavailable', () => ({ getToken: () => Promise.reject(new Error('no session')) })],
  ['offline', 'token-timeout', () => ({ getToken: () => new Promise(() => undefined), silence: 1_000 })],
  ['offline', 'token-invalid-value', () => ({ getToken: () => Promise.resolve('Bearer a.b.c') })],
  ['sign-in-needed', 'not-signed-in', () => ({ getToken: () => Promise.resolve(undefined) })],
])('is %s with the reason %s', async (state, reason, optionsFor) => {
  const user = devices.newUser();
  const stream = openStream(user, optionsFor(user));
  await waitForReason(stream, state, reason);
  expect(stream.status().reasons).toEqual([reason]);
});

test.each<[StatusReason, number, string, string]>([
  ['html-page', 200, 'text/html', '<!doctype html><title>Welcome</title>'],
  ['server-busy', 503, 'application/problem+json', '{"error":"service_unavailable"}'],
  ['server-error', 502, 'text/html', '<h1>Bad Gateway</h1>'],
  ['invalid-response', 200, 'text/event-stream', 'event: connected\ndata: no JSON\n\n'],
])('is offline with the reason %s, and live when the gate responds again', async (reason, status, type, body) => {
  const user = devices.newUser();
  const proxy = await startFaultyProxy(devices.server.url);
  proxy.setFault(() => ({ kind: 'respond', status, headers: { 'content-type': type }, body }));
  const stream = openStream(user, { url: optionsOf(user).url.replace(devices.server.url, proxy.url) });
  await waitForReason(stream, 'offline', reason);
  proxy.setFault(undefined);
  stream.retry();
  await waitForStreamState(stream, 'live');
  expect(stream.status().reasons).toEqual([]);
  stream.close();
  await proxy.close();
});

test('detects a stalled connection, and replaces it once a network is available', async () => {
  const user = devices.newUser();
  const proxy = await startSeverableProxy(devices.server.url);
  const stream = openStream(user, { url: optionsOf(user).url.replace(devices.server.url, proxy.url), silence: 1_000 });
  const states = recordStreamStates(stream);
  await waitForStreamState(stream, 'live');
  proxy.stall();
  await waitForStreamState(stream, 'offline');
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  proxy.acceptNewConnections();
  await waitForStreamTheme(stream, 'dark');
  expect(states.slice(0, 4)).toEqual(['starting', 'catching-up', 'live', 'offline']);
  stream.close();
  await proxy.close();
});

test('aborts its request while the page is unloaded, and reconnects when the page is shown again', async () => {
  const listeners = new Map<(event: { type: string }) => void, string>();
  const dispatch = (type: string): void => {
    for (const [listener, events] of listeners) if (events.split(' ').includes(type)) listener({ type });
  };
  const signals: (AbortSignal | null | undefined)[] = [];
  const user = devices.newUser();
  const stream = openStream(user, {
    environment: {
      listen: (events, listener) => {
        listeners.set(listener, events);
        return () => listeners.delete(listener);
      },
      fetch: (input, init) => {
        signals.push(init?.signal);
        return fetch(input, init);
      },
    },
  });
  await waitForStreamState(stream, 'live');
  dispatch('pagehide');
  // In the same task: no code runs after the event.
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  await waitForStreamState(stream, 'offline');
  dispatch('pageshow');
  await waitForStreamState(stream, 'live');
  expect(signals).toHaveLength(2);
});

test('shows the preferences that the application’s own schema accepts', async () => {
  const user = devices.newUser();
  const { store } = devices.open(user);
  await store.set({ theme: 'dark', viewMode: 'graph' });
  await waitForState(store, 'live', 0);
  const schema = z.strictObject({ theme: z.enum(['dark', 'light']).optional(), density: z.enum(['cosy']).optional() });
  const stream = createPreferencesStream({ ...optionsOf(user), schema, defaults: { density: 'cosy' } });
  streams.push(stream);
  await stream.ready;
  expect(stream.get()).toEqual({ theme: 'dark', density: 'cosy' });
});

test('emits nothing after close', async () => {
  const user = devices.newUser();
  const stream = openStream(user);
  await waitForStreamState(stream, 'live');
  stream.close();
  let changes = 0;
  stream.subscribe(() => (changes += 1));
  const { store } = devices.open(user);
  await store.set({ theme: 'dark' });
  await waitForPreferences(store, { theme: 'dark' });
  await waitForState(store, 'live', 0);
  expect(changes).toBe(0);
  expect(stream.get().theme).toBe('system');
});

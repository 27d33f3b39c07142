import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { waitForState, waitForPreferences, recordStates, createDeviceFixture } from '../testing/device.ts';
import type { Session } from '../../../server/contract.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();

test('an expired token is renewed, and the sync continues', async () => {
  const user = devices.newUser();
  let renewals = 0;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: (refused) => {
      if (refused === undefined)
        return Promise.resolve(renewals === 0 ? devices.server.token(user, -60) : devices.server.token(user));
      renewals += 1;
      return Promise.resolve(devices.server.token(user));
    },
  });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  expect(renewals).toBeGreaterThanOrEqual(1);
});

test('a token that expires during a live sync is renewed', async () => {
  const user = devices.newUser();
  const seconds = [2, 3_600];
  const next = (): string => devices.server.token(user, seconds.shift());
  let token = next();
  let renew: () => void = () => undefined;
  const renewed = new Promise<void>((resolve) => {
    renew = resolve;
  });
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: (refused) => {
      if (refused === token) {
        token = next();
        renew();
      }
      return Promise.resolve(token);
    },
  });
  const states = recordStates(store);
  await waitForState(store, 'live');
  const other = devices.open(user, createInMemoryBrowser()).store;
  await waitForState(other, 'live');
  await renewed;
  await other.set({ theme: 'dark' });
  await waitForPreferences(store, { theme: 'dark' });
  // The status does not change: the server ends the longpoll, and the next one has the new token.
  await waitForState(store, 'live', 0);
  expect(states).toEqual(['starting', 'catching-up', 'live']);
});

test('without a token the data stays readable and editable, and is sent after signing in again', async () => {
  const user = devices.newUser();
  let signedIn = false;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: () => Promise.resolve(signedIn ? devices.server.token(user) : undefined),
  });
  await waitForState(store, 'sign-in-needed');
  await store.set({ theme: 'dark' });
  expect(store.get().theme).toBe('dark');
  await waitForState(store, 'sign-in-needed', 1);
  signedIn = true;
  store.retry();
  await waitForState(store, 'live', 0);
});

test('a token that cannot be renewed offline is renewed later, without requiring sign-in', async () => {
  const user = devices.newUser();
  let isOnline = true;
  let token = devices.server.token(user, 2);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: (refused) => {
      if (refused === undefined) return Promise.resolve(token);
      if (!isOnline) return Promise.reject(new TypeError('Failed to fetch'));
      token = devices.server.token(user);
      return Promise.resolve(token);
    },
  });
  await waitForState(store, 'live');
  const states = recordStates(store);
  isOnline = false;
  await waitForState(store, 'offline');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'offline', 1);
  isOnline = true;
  await waitForState(store, 'live', 0);
  expect(states).not.toContain('sign-in-needed');
});

test('is offline while getToken hangs, and live when it resolves', async () => {
  const user = devices.newUser();
  let hangs = true;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    timing: { heartbeat: 1_000, silence: scaleMs(1_500) },
    getToken: () => (hangs ? new Promise(() => undefined) : Promise.resolve(devices.server.token(user))),
  });
  const states = recordStates(store);
  await waitForState(store, 'offline');
  expect(states).toEqual(['starting', 'offline']);
  hangs = false;
  await waitForState(store, 'live');
});

test('a session ended on another device requires sign-in, and local data and edits are kept', async () => {
  const credentials = { username: devices.server.accountName(devices.newUser()), password: 'a password of mine' };
  const post = async (path: string): Promise<Session> => {
    const response = await fetch(`${devices.server.url}/api/auth${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(credentials),
    });
    return (await response.json()) as Session;
  };
  let session: Session | undefined = await post('/register');
  const { sessionId } = session;
  const browser = createInMemoryBrowser();
  const getToken = (refused?: string): Promise<string | undefined> =>
    Promise.resolve(session?.accessToken === refused ? undefined : session?.accessToken);
  const { store } = devices.open(credentials.username, browser, { getToken });
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  const states = recordStates(store);

  const otherSession = await post('/sign-in');
  const response = await fetch(`${devices.server.url}/api/auth/sessions/${sessionId}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${otherSession.accessToken}` },
  });
  expect(response.ok).toBe(true);
  await waitForState(store, 'sign-in-needed');
  expect(states).toEqual(['live', 'sign-in-needed']);
  expect(store.status().lastSynced).toBeLessThanOrEqual(Date.now());
  await store.set({ viewMode: 'graph' });
  await waitForState(store, 'sign-in-needed', 1);
  await store.close();

  session = undefined;
  const reloaded = devices.open(credentials.username, browser, { getToken }).store;
  await waitForState(reloaded, 'sign-in-needed', 1);
  expect(reloaded.get()).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  session = await post('/sign-in');
  reloaded.retry();
  await waitForState(reloaded, 'live', 0);
});

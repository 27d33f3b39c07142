import { waitForState, waitForPreferences, recordStates, createDeviceFixture } from '../testing/device.ts';
import type { Session } from '../../../server/contract.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();

test('a token that ends is renewed once for all that need it, and the sync goes on', async () => {
  const user = devices.newUser();
  let asked = 0;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: (refused) => {
      if (refused === undefined)
        return Promise.resolve(asked === 0 ? devices.server.token(user, -60) : devices.server.token(user));
      asked += 1;
      return Promise.resolve(devices.server.token(user));
    },
  });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  expect(asked).toBeGreaterThanOrEqual(1);
});

test('a token that ends under a live sync is noticed by the server, and renewed', async () => {
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
  // Nobody need know of it: the server ends the longpoll, and the next one has the new token.
  await waitForState(store, 'live', 0);
  expect(states).toEqual(['starting', 'catching-up', 'live']);
});

test('without a token the data stays readable and editable, and goes out after signing in again', async () => {
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

test('a token that cannot be renewed for want of a network is waited for, and nobody has to sign in', async () => {
  const user = devices.newUser();
  let network = true;
  let token = devices.server.token(user, 2);
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: (refused) => {
      if (refused === undefined) return Promise.resolve(token);
      if (!network) return Promise.reject(new TypeError('Failed to fetch'));
      token = devices.server.token(user);
      return Promise.resolve(token);
    },
  });
  await waitForState(store, 'live');
  const states = recordStates(store);
  network = false;
  await waitForState(store, 'offline');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'offline', 1);
  network = true;
  await waitForState(store, 'live', 0);
  expect(states).not.toContain('sign-in-needed');
});

test('an app that gives no token and says nothing is offline after a while, and live once it answers', async () => {
  const user = devices.newUser();
  let hangs = true;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    timing: { heartbeat: 1_000, silence: 1_500 },
    getToken: () => (hangs ? new Promise(() => undefined) : Promise.resolve(devices.server.token(user))),
  });
  const states = recordStates(store);
  await waitForState(store, 'offline');
  expect(states).toEqual(['starting', 'offline']);
  hangs = false;
  await waitForState(store, 'live');
});

test('a session that is ended elsewhere is told, and what is stored and edited here is kept for the next one', async () => {
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
  const here = session.sessionId;
  const browser = createInMemoryBrowser();
  const getToken = (refused?: string): Promise<string | undefined> =>
    Promise.resolve(session?.accessToken === refused ? undefined : session?.accessToken);
  const { store } = devices.open(credentials.username, browser, { getToken });
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  const states = recordStates(store);

  const elsewhere = await post('/sign-in');
  const ended = await fetch(`${devices.server.url}/api/auth/sessions/${here}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${elsewhere.accessToken}` },
  });
  expect(ended.ok).toBe(true);
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

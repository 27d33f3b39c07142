/** A store whose application returns another user's token, as after a sign-in by another person. */
import { setTimeout } from 'node:timers/promises';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { PreferencesStore, RefusedEdit } from '../../../client/index.ts';
import { createDeviceFixture, waitForPreferences, waitForReason, waitForState } from '../testing/device.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const devices = createDeviceFixture();
const FEED_DELAY_MS = scaleMs(300);

/** Rejects when the request is aborted, as `fetch` does without a response. */
const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('Aborted.'))));

interface Scenario {
  readonly user: string;
  readonly store: PreferencesStore;
  readonly refused: readonly RefusedEdit[];
  /** The bodies of the requests with the other user's token. */
  readonly bodies: readonly string[];
  /** Makes the application return the right token from now on, and retries. */
  readonly signInAsUser: () => void;
}

/**
 * Opens a store that has synced, with another user's token. `respond` sends its requests, or responds instead of the server.
 */
async function openWithOtherToken(
  respond: (path: string, send: () => Promise<Response>, signal: AbortSignal) => Promise<Response>,
): Promise<Scenario> {
  const [user, other] = [devices.newUser(), devices.newUser()];
  const browser = createInMemoryBrowser();
  const earlier = devices.open(user, browser).store;
  await waitForState(earlier, 'live', 0);
  await earlier.close();

  let tokenUser = other;
  const bodies: string[] = [];
  const refused: RefusedEdit[] = [];
  const { store } = devices.open(user, browser, {
    getToken: () => Promise.resolve(devices.server.token(tokenUser)),
    environment: {
      fetch: (input, init) => {
        const send = (): Promise<Response> => fetch(input, init);
        if (tokenUser === user) return send();
        if (typeof init?.body === 'string') bodies.push(init.body);
        return respond(new URL(input as string).pathname, send, init?.signal ?? new AbortController().signal);
      },
    },
  });
  store.on('refused', (edit) => refused.push(edit));
  const signInAsUser = (): void => {
    tokenUser = user;
    store.retry();
  };
  return { user, store, refused, bodies, signInAsUser };
}

test('an attempt that fails for another reason does not let the next one send an edit', async () => {
  let isDetected = false;
  let isBusy = false;
  const { user, store, refused, bodies, signInAsUser } = await openWithOtherToken(async (path, send, signal) => {
    if (isBusy) return Response.json({ error: 'unavailable', reason: 'Busy.' }, { status: 503 });
    // The feed's response is the first one, so that the push does not end the attempt.
    if (path.endsWith('/_revs_diff') && !isDetected) return hang(signal);
    // Later the feed is slow, as with a database under load, so that an edit would be sent before its response.
    if (path.endsWith('/_changes') && isDetected) await setTimeout(FEED_DELAY_MS);
    return send();
  });
  await waitForReason(store, 'offline', 'wrong-user');
  isDetected = true;
  await store.set({ theme: 'dark' });
  isBusy = true;
  store.retry();
  await waitForReason(store, 'offline', 'server-busy');
  isBusy = false;
  store.retry();
  await waitForReason(store, 'offline', 'wrong-user');
  expect(bodies.filter((body) => body.includes('dark'))).toEqual([]);

  signInAsUser();
  await waitForState(store, 'live', 0);
  await waitForPreferences(devices.open(user).store, { theme: 'dark' });
  expect(refused).toEqual([]);
});

test('an edit that was sent before the first response of the feed is refused, and sent again with the right token', async () => {
  let hasPushed = false;
  const { user, store, refused, bodies, signInAsUser } = await openWithOtherToken(async (path, send, signal) => {
    // The attempt ends at the response to the push. Its feed never responds.
    if (path.endsWith('/_changes') && !hasPushed) return hang(signal);
    if (path.endsWith('/_bulk_docs')) hasPushed = true;
    return send();
  });
  await store.set({ theme: 'dark' });
  await waitForReason(store, 'offline', 'wrong-user');
  expect(hasPushed).toBe(true);
  await store.set({ recapTime: '20:15' });
  expect(store.get()).toMatchObject({ theme: 'dark', recapTime: '20:15' });

  signInAsUser();
  await waitForState(store, 'live', 0);
  await waitForPreferences(devices.open(user).store, { theme: 'dark', recapTime: '20:15' });
  expect(refused).toEqual([]);
  expect(bodies.filter((body) => body.includes('20:15'))).toEqual([]);
});

test('an edit that the repair sends with a token that has just become another user’s is kept', async () => {
  const [user, other] = [devices.newUser(), devices.newUser()];
  const refused: RefusedEdit[] = [];
  let phase: 'push' | 'repair' | 'other' | 'done' = 'push';
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: () => Promise.resolve(devices.server.token(phase === 'other' ? other : user)),
    environment: {
      fetch: (input, init) => {
        const path = new URL(input as string).pathname;
        // The gate's rejection of the push starts the repair. The next requests have the other token.
        if (path.endsWith('/_bulk_docs') && phase === 'push') {
          phase = 'repair';
          const { docs } = JSON.parse(init?.body as string) as { readonly docs: readonly { readonly _rev: string }[] };
          const rows = docs.map(({ _rev: rev }) => ({ id: `user_${user}`, rev, error: 'forbidden', reason: 'No.' }));
          return Promise.resolve(Response.json(rows, { status: 201 }));
        }
        if (path.endsWith(`/user_${user}`) && init?.method === 'PUT' && phase === 'repair') phase = 'other';
        if (phase !== 'other') return fetch(input, init);
        const headers = new Headers(init?.headers);
        headers.set('authorization', `Bearer ${devices.server.token(other)}`);
        return fetch(input, { ...init, headers });
      },
    },
  });
  store.on('refused', (edit) => refused.push(edit));
  await store.set({ theme: 'dark' });
  await waitForReason(store, 'offline', 'wrong-user');
  expect(phase).toBe('other');
  expect(store.get()).toMatchObject({ theme: 'dark' });

  phase = 'done';
  store.retry();
  await waitForState(store, 'live', 0);
  await waitForPreferences(devices.open(user).store, { theme: 'dark' });
  expect(refused).toEqual([]);
});

import { createPreferencesStore } from '../../../client/index.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';
import { waitForState } from '../testing/device.ts';

/** Large tokens, and clocks that differ, with the default configuration. */

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ JWT_LEEWAY_SECONDS: '' });
});
afterAll(() => gate.close());

const nowInSeconds = (): number => Math.floor(Date.now() / 1000);
const read = (token: string): Promise<Response> =>
  fetch(`${gate.database}/_changes`, { headers: { authorization: `Bearer ${token}` } });

/** A token whose length is at most `length` characters, and close to it. */
function tokenOf(subject: string, length: number): string {
  const rest = gate.token(subject).length;
  return gate.token(subject, { groups: 'g'.repeat(Math.floor(((length - rest) * 3) / 4) - 16) });
}

test('tokens of up to 24 kB replicate', async () => {
  const token = tokenOf('😀'.repeat(255), 24_576);
  expect(token.length).toBeGreaterThan(24_500);
  const store = createPreferencesStore({
    url: gate.database,
    username: '😀'.repeat(255),
    getToken: () => Promise.resolve(token),
    openDatabase: createInMemoryBrowser(),
    environment: { storage: {} },
  });
  await waitForState(store, 'live');
  await store.set({ theme: 'dark' });
  await waitForState(store, 'live', 0);
  await store.close();
});

test('a longer token is refused with a code', async () => {
  const response = await read(tokenOf('alice', 26_000));
  expect([response.status, await response.json()]).toMatchObject([401, { code: 'token-too-long' }]);
});

test('a token of a provider whose clock is ahead, or that has just expired, is accepted', async () => {
  for (const claims of [{ nbf: nowInSeconds() + 2 }, { nbf: nowInSeconds() + 25 }, { exp: nowInSeconds() - 5 }]) {
    expect((await read(gate.token('bob', claims))).status).toBe(200);
  }
  const early = await read(gate.token('bob', { nbf: nowInSeconds() + 60 }));
  expect([early.status, await early.json()]).toMatchObject([401, { code: 'token-not-yet-valid' }]);
  const late = await read(gate.token('bob', { exp: nowInSeconds() - 31 }));
  expect([late.status, await late.json()]).toMatchObject([401, { code: 'token-expired' }]);
});

test('a live request is held until the token is no longer accepted, so that its client does not repeat it', async () => {
  const token = gate.token('carol', { exp: nowInSeconds() - 27 });
  const initial = (await (await read(token)).json()) as { last_seq: string };
  const live = await fetch(`${gate.database}/_changes?feed=longpoll&since=${initial.last_seq}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(live.status).toBe(200);
  expect(await live.json()).toMatchObject({ results: [] });
  expect((await read(token)).status).toBe(401);
});

/** A registry of before there were versions: its documents become today's when their users come. */
import type { TestUpstream } from '../../../server/testing/test-database.ts';
import { connect } from '../../../server/upstream/client.ts';
import { createDeviceFactory, waitForState, waitForPreferences } from '../testing/device.ts';
import { createInMemoryBrowser, startTestServer, waitForCondition, type TestServer } from '../testing/test-server.ts';

const OLD_DOCUMENT = {
  type: 'user_preferences',
  preferences: { theme: 'dark', briefingTime: '25:00', colour: 'red' },
  created_at: '2024-05-06T07:08:09.000Z',
};
let server: TestServer;
let upstream: TestUpstream;
const devices = createDeviceFactory(() => server);
beforeAll(async () => {
  server = await startTestServer({
    prepareUpstream: async (started) => {
      upstream = started;
      await connect(upstream.access).db.create(upstream.names.registry);
      for (const name of ['alice', 'bob'])
        await upstream.registry().insert(Object.assign({ _id: `user_${name}` }, { username: name, ...OLD_DOCUMENT }));
    },
  });
});
afterAll(async () => {
  await devices.close();
  await server.close();
});

test('its good preferences are shown, it is brought up to date, and an edit that waited for that arrives', async () => {
  const { store, setOffline } = devices.open('alice');
  setOffline(true);
  await store.set({ viewMode: 'graph' });
  setOffline(false);
  await waitForState(store, 'live', 0);
  expect(store.get()).toMatchObject({ theme: 'dark', viewMode: 'graph', briefingTime: '07:00' });
  await waitForPreferences(devices.open('alice', createInMemoryBrowser()).store, { theme: 'dark', viewMode: 'graph' });
  expect(await upstream.registry().get('user_alice')).toMatchObject({
    version: 1,
    preferences: { theme: 'dark', viewMode: 'graph' },
    created_at: OLD_DOCUMENT.created_at,
  });
});

test('whoever only looks at it has it brought up to date as well', async () => {
  const { store } = devices.open('bob');
  await waitForPreferences(store, { theme: 'dark' });
  const leafOf = async (): Promise<unknown> => (await store.inspect()).leaves[0]?.['version'];
  let version: unknown;
  await waitForCondition(
    (listener) =>
      store.subscribe(
        () =>
          void leafOf()
            .then((found) => (version = found))
            .then(listener),
      ),
    () => version === 1,
  );
});

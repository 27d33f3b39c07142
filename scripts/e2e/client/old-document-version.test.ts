/** A registry with documents that are older than the version number. The gate upgrades each when its user syncs. */
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

test('shows the valid preferences, upgrades the document, and commits the pending edit', async () => {
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

test('upgrades the document of a user who only reads', async () => {
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
            // The last read fails when the test has ended and the database is closed.
            .then(listener, () => undefined),
      ),
    () => version === 1,
  );
});

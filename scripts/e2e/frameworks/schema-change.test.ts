import type { z } from 'zod';
import * as version1 from '../../../docs/recipes/schema-change/version-1.ts';
import * as version2 from '../../../docs/recipes/schema-change/version-2.ts';
import { start } from '../../../docs/recipes/schema-change/server.ts';
import { createPreferencesStore, type PreferencesStore } from '../../../client/index.ts';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import type { OwnPreferences } from '../../../server/index.ts';
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';
import { waitUntilLive } from '../testing/browser.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

/** The recipe docs/recipes/schema-change, as it is: a deployment of version 2 under a page of version 1. */

const pages: { readonly close: () => Promise<void> }[] = [];
const closeAfterTest = <S extends { readonly close: () => Promise<void> }>(page: S): S => {
  pages.push(page);
  return page;
};
afterEach(() => Promise.all(pages.splice(0).map((page) => page.close())));

/** A deployment whose gate is replaced at the same port. */
async function createDeployment() {
  const engine = closeAfterTests(await startMemoryEngine());
  let server: Awaited<ReturnType<typeof start<z.ZodObject>>> | undefined;
  return {
    deploy: async (preferences: OwnPreferences<z.ZodObject>) => {
      const port = server === undefined ? 0 : Number(new URL(server.origin).port);
      await server?.close();
      server = closeAfterTests(
        await start(engine.access, preferences as OwnPreferences<typeof version2.gateSchema>, port),
      );
      return server;
    },
    optionsOfPage: () => ({
      url: `${server?.origin ?? ''}/sync/user_registry`,
      username: 'alice',
      getToken: () => Promise.resolve('session-1'),
      openDatabase: createInMemoryBrowser(),
    }),
  };
}

const waitForValues = (store: Pick<PreferencesStore, 'subscribe'> & { readonly get: () => object }, values: object) =>
  waitForCondition(
    store.subscribe,
    () => {
      const shown = new Map(Object.entries(store.get()));
      return Object.entries(values).every(([key, value]) => JSON.stringify(shown.get(key)) === JSON.stringify(value));
    },
    () => `expected ${JSON.stringify(values)}, found ${JSON.stringify(store.get())}`,
  );

test('version 2 is deployed under a page of version 1: both edit, and each shows the newest edit that it can read', async () => {
  const deployment = await createDeployment();
  const first = await deployment.deploy(version1);
  const older = closeAfterTest(
    createPreferencesStore({ ...deployment.optionsOfPage(), schema: version1.schema, defaults: version1.defaults }),
  );
  await waitUntilLive(older);
  await older.set({ fontSize: 20, homePage: 'news', sidebarColor: 'plum' });
  await waitUntilLive(older);
  expect((await first.pouchgate.read('alice')).preferences).toMatchObject({ fontSize: 20 });

  const second = await deployment.deploy({ ...version2, schema: version2.gateSchema });
  const newer = closeAfterTest(
    createPreferencesStore({
      ...deployment.optionsOfPage(),
      schema: version2.schema,
      defaults: version2.defaults,
      upgrade: version2.upgrade,
    }),
  );
  older.retry();
  await Promise.all([waitUntilLive(older), waitUntilLive(newer)]);
  // The rename is applied. The value that version 2 does not have is hidden, and so is the removed preference.
  expect(newer.get()).toEqual({ textSize: 125, homePage: 'inbox', pinned: [] });

  await newer.set({ pinned: ['a'] });
  await older.set({ fontSize: 24 });
  await waitForValues(newer, { textSize: 150, pinned: ['a'] });
  await newer.set({ textSize: 200 });
  await waitUntilLive(newer);
  await older.set({ homePage: 'today', sidebarColor: 'teal' });
  await waitForValues(newer, { textSize: 200, homePage: 'today', pinned: ['a'] });
  await waitUntilLive(older);
  expect(older.get()).toMatchObject({ fontSize: 24, homePage: 'today', sidebarColor: 'teal' });
  expect((await second.pouchgate.read('alice')).preferences).toMatchObject({ textSize: 200, homePage: 'today' });
  expect([older.status().refused, newer.status().refused]).toEqual([[], []]);
});

test('once the gate has only version 2, an older page can edit what both know, and stored values are kept', async () => {
  const deployment = await createDeployment();
  const first = await deployment.deploy(version1);
  await first.pouchgate.edit('alice', { fontSize: 32, homePage: 'news', sidebarColor: 'plum' });
  const second = await deployment.deploy(version2);
  const older = closeAfterTest(
    createPreferencesStore({ ...deployment.optionsOfPage(), schema: version1.schema, defaults: version1.defaults }),
  );
  await waitUntilLive(older);
  expect((await second.pouchgate.read('alice')).preferences).toEqual({ textSize: 200, homePage: 'inbox', pinned: [] });
  await older.set({ homePage: 'today' });
  await waitUntilLive(older);
  await second.pouchgate.edit('alice', { pinned: ['b'] });
  expect((await second.pouchgate.read('alice')).preferences).toEqual({
    textSize: 200,
    homePage: 'today',
    pinned: ['b'],
  });

  // The older version can be deployed again, and finds what was stored.
  const again = await deployment.deploy(version1);
  expect((await again.pouchgate.read('alice')).preferences).toEqual({
    fontSize: 32,
    homePage: 'today',
    sidebarColor: 'plum',
  });
});

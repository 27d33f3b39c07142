import { derived, get } from 'svelte/store';
import { effectScope, watchEffect } from 'vue';
import { preferencesOf, syncStatusOf } from '../../../docs/recipes/svelte.ts';
import { usePreference, usePreferences, useSyncStatus } from '../../../docs/recipes/vue.ts';
import { renderPage } from '../../../docs/recipes/react-ssr/server.tsx';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createPouchgate } from '../../../server/index.ts';
import { startTestCouchdb } from '../../../server/testing-api.ts';
import { createBrowser, createStoreFixture, waitUntilLive } from '../testing/browser.ts';
import { waitForCondition } from '../testing/test-server.ts';

/** The recipes of docs/recipes for user interfaces, as they are, on stores of the real library that sync with a real gate. */

const fixture = createStoreFixture();
let users = 0;

/** Opens the stores of two browsers of one user, and waits until both are live. */
async function openTwo() {
  const username = `recipe${(users += 1)}`;
  const [laptop, phone] = [fixture.open(username, createBrowser()), fixture.open(username, createBrowser())];
  await Promise.all([waitUntilLive(laptop), waitUntilLive(phone)]);
  return { laptop, phone };
}

test('Vue: composables show the changes of another device, edit with v-model, and end with their scope', async () => {
  const { laptop, phone } = await openTwo();
  const scope = effectScope();
  const rendered: string[] = [];
  const states: number[] = [];
  const refs = scope.run(() => ({
    preferences: usePreferences(laptop),
    theme: usePreference(laptop, 'theme'),
    status: useSyncStatus(laptop),
  }));
  if (refs === undefined) throw new Error('The scope has ended.');
  const { preferences, theme, status } = refs;
  scope.run(() => {
    watchEffect(() => rendered.push(theme.value), { flush: 'sync' });
    watchEffect(() => states.push(status.value.unsent), { flush: 'sync' });
  });
  expect([theme.value, status.value.state]).toEqual(['system', 'live']);

  await phone.set({ theme: 'dark' });
  await waitForCondition(laptop.subscribe, () => laptop.get().theme === 'dark');
  expect(preferences.value).toBe(laptop.get());
  theme.value = 'light';
  await waitForCondition(phone.subscribe, () => phone.get().theme === 'light');
  expect(rendered).toEqual(['system', 'dark', 'light']);
  expect(states).toContain(1);

  scope.stop();
  await phone.set({ theme: 'system' });
  await waitForCondition(laptop.subscribe, () => laptop.get().theme === 'system');
  expect(rendered).toEqual(['system', 'dark', 'light']);
});

test('Svelte: the stores call a subscriber at once and at each change, and work with derived stores', async () => {
  const { laptop, phone } = await openTwo();
  const preferences = preferencesOf(laptop);
  const themes: string[] = [];
  const unsubscribe = preferences.subscribe(({ theme }) => themes.push(theme));
  expect(themes).toEqual(['system']);
  expect(get(syncStatusOf(laptop)).state).toBe('live');
  const label = derived([preferences, syncStatusOf(laptop)], ([{ theme }, { state }]) => `${theme}, ${state}`);
  expect(get(label)).toBe('system, live');

  await phone.set({ theme: 'dark' });
  await waitForCondition(laptop.subscribe, () => laptop.get().theme === 'dark');
  // The status changed several times since, and the preferences once.
  expect(themes).toEqual(['system', 'dark']);

  unsubscribe();
  await phone.set({ theme: 'light' });
  await waitForCondition(laptop.subscribe, () => laptop.get().theme === 'light');
  expect(themes).toEqual(['system', 'dark']);
});

test('React: a page rendered on the server contains its user’s values, and no value can end its script', async () => {
  const couchdb = closeAfterTests(await startTestCouchdb());
  const pouchgate = closeAfterTests(
    await createPouchgate({ couchdb: couchdb.access, authenticate: () => undefined, registry: 'rendered' }),
  );
  await pouchgate.edit('alice', { theme: 'dark', viewMode: 'table' });
  const page = await renderPage(pouchgate, 'alice');
  expect(page).toContain('<main data-theme="dark">The view is <b>table</b>.</main>');
  expect(page).toContain('{"username":"alice","shown":{"theme":"dark","viewMode":"table"}}');
  expect(await renderPage(pouchgate, 'bob')).toContain('<main data-theme="system">The view is <b>kanban</b>.</main>');
  const hostile = { read: () => Promise.resolve({ preferences: { theme: '</script><b>' } }) };
  const escaped = await renderPage(hostile as unknown as typeof pouchgate, 'alice');
  expect(escaped.match(/<\/script>/g)).toHaveLength(2);
  await pouchgate.close();
  await couchdb.close();
});

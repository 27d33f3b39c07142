/** Two versions of an application with their own schemas, side by side on one gate. */
import { createServer } from 'node:http';
import express from 'express';
import { z } from 'zod';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { createPreferencesStore, type PreferencesStore, type Upgrade } from '../../../client/index.ts';
import { createPouchgate } from '../../../server/index.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { newRegistryName } from '../frameworks/testing/exercise-gate.ts';
import { listen } from '../frameworks/testing/mounted-gate.ts';
import { waitForState } from '../testing/device.ts';
import { createInMemoryBrowser, waitForCondition } from '../testing/test-server.ts';

const density = z.enum(['cosy', 'compact']).optional();
const colour = z.enum(['light', 'dark']).optional();
const v1 = z.strictObject({ density, colour, language: z.string().optional() });
const v2 = z.strictObject({ density, theme: colour, language: z.array(z.string()).optional() });
/** The gate accepts what either version sets, as long as both are in use. */
const both = z.strictObject({
  density,
  colour,
  theme: colour,
  language: z.union([z.string(), z.array(z.string())]).optional(),
});
const upgrade: Upgrade = ({ colour: theme, language, ...values }) => ({
  ...(theme === undefined ? {} : { theme }),
  ...(language === undefined ? {} : { language: Array.isArray(language) ? language : [language] }),
  ...values,
});

type AnyStore = PreferencesStore<Record<string, unknown>, Record<string, unknown>>;

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startTestUpstream();
});
afterAll(() => upstream.close());

/** Starts a gate with a schema; returns the URL of its database. */
async function startGate(schema: z.ZodObject, registry: string): Promise<string> {
  const pouchgate = closeAfterTests(
    await createPouchgate({
      couchdb: upstream.access,
      registry,
      preferences: { schema },
      authenticate: () => ({ username: 'alice', expiresAt: Date.now() + 3_600_000 }),
    }),
  );
  const url = await listen(createServer(express().use('/prefs', pouchgate.router)));
  return `${url}/prefs/sync/${registry}`;
}

const stores: AnyStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

function open(url: string, schema: z.ZodObject, browser = createInMemoryBrowser(), upgradeValues?: Upgrade): AnyStore {
  const store = createPreferencesStore({
    url,
    username: 'alice',
    getToken: () => Promise.resolve('token'),
    openDatabase: browser,
    environment: { storage: {} },
    schema,
    ...(upgradeValues && { upgrade: upgradeValues }),
  }) as unknown as AnyStore;
  stores.push(store);
  return store;
}

const waitForValues = (store: AnyStore, expected: object): Promise<void> =>
  waitForCondition(
    store.subscribe,
    () => JSON.stringify(Object.entries(store.get()).sort()) === JSON.stringify(Object.entries(expected).sort()),
    () => `expected ${JSON.stringify(expected)}, found ${JSON.stringify({ ...store.status(), ...store.get() })}`,
  );

const synced = (...all: readonly AnyStore[]): Promise<unknown> =>
  Promise.all(all.map((store) => waitForState(store as never, 'live', 0)));

test('each version shows the last edit of both, and neither loses one', async () => {
  const url = await startGate(both, newRegistryName());
  const [older, newer] = [open(url, v1), open(url, v2, createInMemoryBrowser(), upgrade)];
  await synced(older, newer);
  await older.set({ colour: 'dark', language: 'de' });
  await waitForValues(newer, { theme: 'dark', language: ['de'] });
  await newer.set({ density: 'compact' });
  await waitForValues(older, { colour: 'dark', language: 'de', density: 'compact' });
  await newer.set({ theme: 'light', language: ['en'] });
  await synced(newer);
  // The older version cannot read the newer one's values. It shows its own last value, or none.
  await waitForValues(older, { colour: 'dark', density: 'compact' });
  await older.set({ colour: 'dark' });
  await waitForValues(newer, { theme: 'dark', language: ['en'], density: 'compact' });
  await newer.set({ theme: null });
  await waitForValues(newer, { language: ['en'], density: 'compact' });
  await older.set({ colour: 'light', language: 'fr' });
  await waitForValues(newer, { theme: 'light', language: ['fr'], density: 'compact' });
  await synced(older, newer);
  expect([older, newer].map((store) => store.status().refused)).toEqual([[], []]);
});

test('a preference that the gate and the application no longer know stays, and prevents no edit', async () => {
  const registry = newRegistryName();
  const before = open(await startGate(v1, registry), v1);
  await synced(before);
  await before.set({ language: 'de', density: 'cosy' });
  await synced(before);
  await before.close();
  // The schema of the next version has no language, or another form of it.
  for (const schema of [
    z.strictObject({ density }),
    z.strictObject({ density, language: z.enum(['en']).optional() }),
  ]) {
    const store = open(await startGate(schema, registry), schema);
    await synced(store);
    const next = store.get()['density'] === 'cosy' ? 'compact' : 'cosy';
    await store.set({ density: next });
    await synced(store);
    expect(store.get()).toEqual({ density: next });
    expect(store.status().refused).toEqual([]);
    const { leaves } = await store.inspect();
    expect(leaves).toMatchObject([{ preferences: { language: 'de' } }]);
    await store.close();
  }
});
